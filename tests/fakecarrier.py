"""A carrier for tests that takes several numbers a request, and a way to it that counts and can misbehave."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tracker.carriers.base import Account, Ask, Carrier, Codes, OtherParcel, Reading, answered
from tracker.domain.events import Event, ExceptionCode, Stage
from tracker.outside.http import Reply

CODE = "fake"


def carrier(batch=1, **values):
    """The carrier: its answers are {number: [[time, stage, exception], …]}, a missing number is not known."""
    said = {
        "code": CODE,
        "name": "Fake",
        "base_url": "http://fake.example",
        "auth": "key",
        "zone": ZoneInfo("Europe/Madrid"),
        "codes": Codes({}, 1),
        "ask": lambda wanted, _account: Ask("GET", "/parcels", {"ids": ",".join(one.number for one in wanted)}),
        "read": read,
        "missing": lambda _account: [],
        "limits": "none",
        "facts": "invented",
        "batch": batch,
    }
    return Carrier(**{**said, **values})


def read(status, data, wanted):
    """What the answer says of the numbers wanted; about another number alone it is somebody else's."""
    told = answered("Fake", status, data)
    if told is None:
        return Reading()
    if "bug" in told:
        raise KeyError("bug")
    if told and not {one.number for one in wanted} & set(told):
        raise OtherParcel("Fake answered about another parcel.")
    return Reading({number: [event(number, *scan) for scan in scans] for number, scans in told.items()})


def event(number, time, stage="in_transit", exception="none", **values):
    """A scan, its code made of what it says."""
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    return Event(
        number=number,
        occurred_at=at.astimezone(UTC),
        tz_known=True,
        raw_code=f"{stage}/{exception}",
        raw_text=f"{stage} {exception}",
        raw_time=at.isoformat(),
        stage=Stage(stage) if stage else None,
        exception=ExceptionCode(exception),
        **values,
    )


def account(code=CODE):
    """The merchant's account there."""
    return Account(code, f"http://{code}.example", {})


class FakeLine:
    """Sends nothing: answers from `parcels`, or with what `instead` says for a number (a Reply or an exception)."""

    def __init__(self, parcels=None):
        self.parcels, self.instead, self.asked = parcels or {}, {}, []
        self.before = lambda: None

    def send(self, method, url, *, params=(), **_):
        """Answer as the carrier would."""
        self.before()
        ids = dict(params)["ids"].split(",")
        self.asked.append(ids)
        for number in ids:
            odd = self.instead.get(number, self.instead.get("*"))
            if isinstance(odd, BaseException):
                raise odd
            if odd is not None:
                return odd
        known = {number: self.parcels[number] for number in ids if number in self.parcels}
        return Reply(200, {}, json.dumps(known).encode()) if known else Reply(204, {}, b"")
