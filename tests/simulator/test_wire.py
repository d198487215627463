"""The carriers' side of the wire: real formats, read by the real readers, the same in process and on a socket."""

from datetime import UTC, datetime, timedelta

import pytest

from tracker.carriers import CARRIERS
from tracker.carriers.base import (
    Account,
    AuthRefused,
    BadReply,
    CarrierDown,
    CarrierError,
    NotKnown,
    Wanted,
    understand,
)
from tracker.clock import Simulated
from tracker.domain.events import ExceptionCode, Stage
from tracker.outside import strict_json
from tracker.outside.http import Http, Unreachable
from tracker.simulator.chance import Chance
from tracker.simulator.crashes import Fuse
from tracker.simulator.journeys import Fate, plan
from tracker.simulator.setting import DHL, SEUR
from tracker.simulator.truth import Book, Parcel
from tracker.simulator.wire import dhl, faults, seur
from tracker.simulator.wire.calls import Call
from tracker.simulator.wire.faults import Faulty
from tracker.simulator.wire.line import InProcess
from tracker.simulator.wire.server import serving

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
LATER = START + timedelta(days=14)


def parcel(carrier="seur", number="P1", fate=Fate.FINE, **values):
    made = Parcel(
        carrier=carrier, number=number, order="A-1", postcode="06001", town="BADAJOZ", country="ES", depot="06",
        amount_minor=1000, weight_g=500, customer="Ana", email="ana@mail.example", phone="+34600000001", locale="es",
        created_at=START, **values,
    )  # fmt: skip
    plan(made, fate, Chance(1).of("journeys"))
    return made


def ask(line, code, settings, number, postcode="06001", country="ES"):
    """What the real carrier file makes of the answer over a line."""
    carrier = CARRIERS[code]
    account = Account(code, settings=settings)
    wanted = Wanted(number, postcode, country)
    asked = carrier.ask([wanted], account)
    headers = dict(asked.headers)
    base = carrier.base_url
    if carrier.token is not None:
        token = carrier.token(account)
        reply = line.send("POST", base + token.path, form=token.form)
        headers["Authorization"] = f"Bearer {strict_json.loads(reply.body)['access_token']}"
    reply = line.send(asked.method, base + asked.path, params=asked.params, headers=headers)
    return understand(carrier, reply.status, reply.body, [wanted], strict_json.loads).events.get(number, [])


@pytest.fixture
def clock():
    clock = Simulated(START)
    clock.advance(LATER)
    return clock


@pytest.fixture
def book():
    return Book(
        [
            parcel(),
            parcel("dhl_unified", "D1"),
            parcel(number="P2", fate=Fate.EITHER_LOST),
            parcel(number="P3", twin=True),
        ]
    )


@pytest.fixture
def line(book, clock):
    return InProcess({seur.HOST: seur.Seur(book, clock), dhl.HOST: dhl.Dhl(book, clock)}, Fuse())


def test_seur_tells_a_whole_journey_that_the_reader_understands(line, book):
    events = ask(line, "seur", SEUR, "P1")
    assert [event.raw_code for event in events] == [scan.code for scan in book.find("seur", "P1").scans]
    assert events[-1].stage is Stage.DELIVERED
    assert [event.occurred_at for event in events] == [
        scan.at.replace(second=0, microsecond=0) for scan in book.find("seur", "P1").scans
    ]
    assert not any(event.tz_known for event in events)


def test_seur_says_damage_or_loss_in_one_code(line):
    assert ask(line, "seur", SEUR, "P2")[-1].exception is ExceptionCode.DAMAGED_OR_LOST


def test_somebody_elses_parcel_with_the_same_reference_falls_out(line):
    assert len(ask(line, "seur", SEUR, "P3")) == 6


def test_what_has_not_happened_yet_is_not_told(book):
    early = Simulated(START + timedelta(hours=20))
    line = InProcess({seur.HOST: seur.Seur(book, early)}, Fuse())
    assert [event.raw_code for event in ask(line, "seur", SEUR, "P1")] == ["SX010"]


def test_an_unknown_number_is_an_empty_204_at_seur_and_a_404_at_dhl(line):
    assert ask(line, "seur", SEUR, "NOBODYS") == []
    assert ask(line, "dhl_unified", DHL, "NOBODYS") == []


def test_dhl_tells_a_journey_that_the_reader_understands(line):
    events = ask(line, "dhl_unified", DHL, "D1")
    assert [event.stage for event in events] == [Stage.REGISTERED, Stage.IN_TRANSIT, Stage.IN_TRANSIT, Stage.DELIVERED]


def test_a_wrong_key_or_token_is_refused(line):
    with pytest.raises(AuthRefused):
        ask(line, "dhl_unified", {"API_KEY": "wrong"}, "D1")
    answer = line.send("GET", f"https://{seur.HOST}/pic/v1/tracking-services/extended", params={"ref": "P1"})
    assert answer.status == 401


def test_a_token_ends_when_its_time_is_up(book):
    clock = Simulated(LATER)
    service = seur.Seur(book, clock)
    form = b"grant_type=client_credentials&client_id=tracker&client_secret=made-up+%26+only+%2B+here%25"
    token = strict_json.loads(service.answer(Call("POST", "/pic_token", {}, {}, form)).body)["access_token"]
    look = Call(
        "GET", "/pic/v1/cities", {"countryCode": "ES", "postalCode": "06001"}, {"authorization": f"Bearer {token}"}
    )
    assert service.answer(look).status == 200
    clock.advance(LATER + seur.LIFETIME)
    assert service.answer(look).status == 401


FAULTS = {
    "a server error": (faults.down, CarrierDown),
    "a page for people": (faults.page, BadReply),
    "half a body": (faults.truncated, BadReply),
    "errors in a 200": (faults.complaint, CarrierError),
    "no answer": (faults.silent, Unreachable),
}


class Spoilt:
    """A service whose every answer but the token's is spoilt in one way."""

    def __init__(self, inner, fault):
        self.inner, self.fault = inner, fault

    def answer(self, call):
        answer = self.inner.answer(call)
        return answer if call.path == "/pic_token" else self.fault(answer)


@pytest.mark.parametrize(("fault", "error"), FAULTS.values(), ids=FAULTS)
def test_a_losing_fault_is_an_error_and_never_an_event(book, clock, fault, error):
    line = InProcess({seur.HOST: Spoilt(seur.Seur(book, clock), fault)}, Fuse())
    with pytest.raises(error):
        ask(line, "seur", SEUR, "P1")


@pytest.mark.parametrize("fault", [faults.doubled, faults.reordered])
@pytest.mark.parametrize(("code", "settings", "number"), [("seur", SEUR, "P1"), ("dhl_unified", DHL, "D1")])
def test_a_harmless_fault_changes_nothing(book, clock, line, fault, code, settings, number):
    spoilt = InProcess(
        {seur.HOST: Spoilt(seur.Seur(book, clock), fault), dhl.HOST: Spoilt(dhl.Dhl(book, clock), fault)}, Fuse()
    )
    before, after = ask(line, code, settings, number), ask(spoilt, code, settings, number)
    assert {event.identity for event in after} == {event.identity for event in before}


def test_a_bad_line_meets_every_kind_of_fault_and_remembers_only_true_answers(book, clock):
    bad = Faulty(seur.Seur(book, clock), "ref", clock, Chance(3).of("lines"))
    bad.rate = 1.0
    line = InProcess({seur.HOST: bad}, Fuse())
    for number in ["P1", "P2"] * 200:
        try:
            ask(line, "seur", SEUR, number)
        except (CarrierError, Unreachable, NotKnown, strict_json.BadJson, KeyError):
            continue
    kinds = {fault.__name__ for fault in (*faults.LOSING, *faults.HARMLESS)} | {"another", "expired"}
    assert set(bad.counts) == kinds
    assert set(bad.clean) == {"P1", "P2"}


def test_the_socket_answers_what_the_line_in_process_answers(book, clock, line):
    service = dhl.Dhl(book, clock)
    asked = {"params": {"trackingNumber": "D1"}, "headers": {"DHL-API-Key": dhl.API_KEY}}
    with serving({"dhl": service}) as base:
        reply = Http().send("GET", f"{base}/dhl/track/shipments", **asked)
        unknown = Http().send("GET", f"{base}/nobody/track")
    inside = line.send("GET", f"https://{dhl.HOST}/track/shipments", **asked)
    assert (reply.status, reply.body) == (inside.status, inside.body)
    assert unknown.status == 404
