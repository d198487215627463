"""SEUR's REST tracking ("PIC"): how a parcel is asked for, and how the answer is read."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tracker.carriers import base
from tracker.carriers.base import Account, Ask, Candidate, Carrier, Entry, History, Reading, Wanted, words

NAME: Final = "SEUR"
ZONE: Final = ZoneInfo("Europe/Madrid")
CCC: Final = re.compile(r"(\d+)(?:-(\d+))?")  # account number and business unit
CODE: Final = re.compile(r"([LSI]?)([A-Z])(\d{1,3})")  # area, type, number


@lru_cache(maxsize=1 << 12)
def written(raw: str) -> str:
    """S-W999, SW89 and I535 in the table's form: SW999, SW089, LI535 (without its area a code is the delivery's)."""
    parts = CODE.fullmatch("".join(filter(str.isalnum, raw.upper())))
    return f"{parts[1] or 'L'}{parts[2]}{parts[3]:0>3}" if parts else raw


CODES: Final = base.load(Path(__file__).with_suffix(".csv"), version=1, written=written)


def missing(account: Account) -> list[str]:
    """Client id and secret are needed; USERNAME and PASSWORD, for the password grant, only together."""
    lacks = [key for key in ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD") if not account.get(key)]
    client_only = lacks[-2:] == ["USERNAME", "PASSWORD"]
    wrong = account.get("ACCOUNT") and not CCC.fullmatch(account.get("ACCOUNT"))
    return (lacks[:-2] if client_only else lacks) + ["ACCOUNT (written like 12345-28)"] * bool(wrong)


def token(account: Account) -> Ask:
    """The password grant where the account has a user, else client credentials; the lifetime is in `expires_in`."""
    user = ("USERNAME", "PASSWORD") if account.get("USERNAME") else ()
    form = {key.lower(): account.get(key) for key in ("CLIENT_ID", "CLIENT_SECRET", *user)}
    return Ask("POST", "/pic_token", form={"grant_type": "password" if user else "client_credentials", **form})


def ask(wanted: Sequence[Wanted], account: Account) -> Ask:
    """All situations of one reference; abroad without our account, for another business unit registers it there."""
    (one,) = wanted
    ccc = one.country in ("", "ES") and CCC.fullmatch(account.get("ACCOUNT"))
    number, unit = ccc.groups("") if ccc else ("", "")
    params = {"ref": one.number, "refType": "REFERENCE", "accountNumber": number, "businessUnit": unit}
    params["idNumber"] = account.get("ID_NUMBER")
    return Ask("GET", "/pic/v1/tracking-services/extended", {key: value for key, value in params.items() if value})


def read(status: int, data: object, wanted: Sequence[Wanted]) -> Reading:
    """The situations of every shipment entry that is the parcel wanted, merged; collections are left out."""
    (one,) = wanted
    answer = base.answered(NAME, status, data)
    histories: dict[str, History] = {}
    for candidate in base.pick(NAME, one, _candidates(answer)) if answer is not None else ():
        number = one.number or next(iter(candidate.numbers), "")
        history = histories.setdefault(number, History(NAME, number, CODES, ZONE))
        history.depot = _unit(candidate.entry.get("businessUnit")) or history.depot
        history.add(candidate.entry.get("situations") or [], _fields)
    return base.reading(histories.values())


def _fields(event: Entry) -> tuple[object, object, object, None]:
    return event.get("eventCode"), event.get("situationDate"), event.get("description"), None


def _candidates(answer: Entry) -> Iterator[Candidate]:
    for entry in _entries(answer):
        if words(entry.get("type"), 16).casefold() in ("exp", ""):  # "Rec" is a collection
            place = words(entry.get("postalCode"), 16), words(entry.get("cityName"), 80)
            yield Candidate(entry, _numbers(entry), *place)


def _entries(answer: Entry) -> list[Entry]:
    """What `data` holds, a list or one object.  Errors may come inside a 200."""
    data, errors = answer.get("data"), answer.get("errors")
    if errors and not data:
        raise base.told_refusal(NAME, errors)
    told = [data] if isinstance(data, dict) else data
    entries: list[Entry] = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
    if "data" not in answer or (told and not entries):
        raise base.BadReply(f"{NAME} sent an object without the list of shipments that a whole answer has.")
    return entries


def _numbers(entry: Entry) -> list[str]:
    """The numbers by which the entry may have been asked for; none where it does not tell its reference."""
    ref = words(entry.get("ref"), 64)
    return [ref, words(entry.get("shipmentRef"), 64)] if ref else []


def _unit(value: object) -> str | None:
    """A business unit, or a depot: SEUR writes 8, "8" and "08" for the same."""
    unit = words(value, 32).lstrip("0")
    return unit.zfill(2) if unit else None


def ask_depot(wanted: Wanted, _account: Account) -> Ask:
    """Which depot delivers in a postcode."""
    return Ask("GET", "/pic/v1/cities", {"countryCode": wanted.country or "ES", "postalCode": wanted.postcode})


def read_depot(status: int, data: object) -> str | None:
    """The code of the one depot that serves the postcode; None where none, or several, do."""
    answer = base.answered(NAME, status, data)
    depots = {_unit(entry.get("depot")) for entry in _entries(answer)} - {None} if answer is not None else set()
    return depots.pop() if len(depots) == 1 else None


CARRIER: Final = Carrier(
    code="seur", name=NAME, base_url="https://servicios.api.seur.io", auth="token", zone=ZONE, codes=CODES,
    ask=ask, read=read, missing=missing, token=token, ask_depot=ask_depot, read_depot=read_depot,
    limits="none documented; callers that went on polling finished parcels were blocked",
    facts="the client generated from SEUR's Swagger, its shop modules, working integrations; the zone is assumed",
)  # fmt: skip
