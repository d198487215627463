"""Refunds through the merchant's own system: what goes out, and what every kind of answer means."""

from datetime import UTC, datetime

import orjson
import pytest

from tests.outside.loopback import raw, resetting, said, serving, silent
from tracker.domain.refunds import State
from tracker.outside import webhooks
from tracker.outside.http import Http, Limits
from tracker.outside.refund_providers.base import Intent, Outcome, Provider
from tracker.outside.refund_providers.webhook import BadReport, Report, Webhook, read_report

NOW = datetime(2026, 11, 18, 8, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
INTENT = Intent(key="INC-7-refund-1", order_number="402-ñ", amount_minor=18000, currency="EUR", reason="damaged")
AGAIN = Intent(
    key="INC-7-refund-1", order_number="402-ñ", amount_minor=18000, currency="EUR", reason="damaged", resent=True
)


def provider(url: str, *, test: bool = False) -> Webhook:
    http = Http(limits=Limits(connect=0.3, read=0.3, total=0.5))
    return Webhook(http, f"{url}/refunds", SECRET, status_url=f"{url}/status?shop=1", test=test)


def heard(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """The request line, the headers and the body that arrived."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}, body


# --- sending ----------------------------------------------------------------------------------------------------------


def test_the_request_is_as_agreed_and_signed_over_its_very_bytes():
    with serving(said(b"", "202 Accepted")) as server:
        shape: Provider = provider(server.url)
        assert shape.send(INTENT, NOW) == Outcome(State.PENDING, detail="accepted with status 202")
    line, headers, body = heard(server.requests[0])
    assert line == "POST /refunds HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert webhooks.verify(SECRET, headers, body, NOW) == "INC-7-refund-1"
    assert orjson.loads(body) == {
        "refund_id": "INC-7-refund-1",
        "order_number": "402-ñ",
        "amount": "180.00",
        "currency": "EUR",
        "reason": "damaged",
        "test": False,
    }


def test_the_same_intent_is_the_same_bytes_under_the_same_id():
    with serving(said(b"")) as server:
        for intent in (INTENT, AGAIN):
            provider(server.url).send(intent, NOW)
    assert heard(server.requests[0]) == heard(server.requests[1])
    assert INTENT.fingerprint == AGAIN.fingerprint


def test_a_test_refund_says_so():
    with serving(said(b"")) as server:
        provider(server.url, test=True).send(INTENT, NOW)
    assert b'"test":true' in server.requests[0]


@pytest.mark.parametrize(
    ("units", "currency", "amount"),
    [(1800, "JPY", "1800"), (1, "EUR", "0.01"), (1234567, "KWD", "1234.567")],
)
def test_the_amount_has_the_decimals_of_its_currency(units, currency, amount):
    intent = Intent(key="k", order_number="o", amount_minor=units, currency=currency)
    with serving(said(b"")) as server:
        provider(server.url).send(intent, NOW)
    assert orjson.loads(heard(server.requests[0])[2])["amount"] == amount


def test_every_part_of_an_intent_is_in_its_fingerprint():
    values = {"key": "k", "order_number": "o", "amount_minor": 1, "currency": "EUR", "reason": ""}
    others = {"key": "K", "order_number": "O", "amount_minor": 2, "currency": "JPY", "reason": "r"}
    prints = {Intent(**{**values, name: others[name]}).fingerprint for name in values}
    assert len(prints | {Intent(**values).fingerprint}) == 6


ANSWERS = {
    "200 with any body": (said(b'{"status": "failed"}'), State.PENDING),
    "201": (said(b"<html>", "201 Created"), State.PENDING),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), State.PENDING),
    "400: it was read and refused": (said(b"", "400 Bad"), State.FAILED),
    "422: it was read and refused": (said(b"", "422 Bad"), State.FAILED),
    "401: perhaps a wrong secret": (said(b"", "401 Bad"), State.UNKNOWN),
    "403": (said(b"", "403 Bad"), State.UNKNOWN),
    "404: perhaps a wrong address": (said(b"", "404 Bad"), State.UNKNOWN),
    "409: perhaps at work": (said(b"", "409 Bad"), State.UNKNOWN),
    "429": (said(b"", "429 Bad"), State.UNKNOWN),
    "a redirect, not followed": (said(b"", "307 There", "Location: /elsewhere"), State.UNKNOWN),
    "500": (said(b"", "500 Bad"), State.UNKNOWN),
    "503": (said(b"", "503 Bad"), State.UNKNOWN),
    "silence": (silent, State.UNKNOWN),
    "a reset": (resetting(), State.UNKNOWN),
    "no HTTP": (raw(b"what?\r\n"), State.UNKNOWN),
    "2xx cut off": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), State.UNKNOWN),
    "2xx in an unknown encoding": (said(b"x", "200 OK", "Content-Encoding: br"), State.UNKNOWN),
}


@pytest.mark.parametrize(("behaviour", "state"), ANSWERS.values(), ids=ANSWERS)
def test_only_a_clear_answer_is_taken_as_one(behaviour, state):
    with serving(behaviour) as server:
        outcome = provider(server.url).send(INTENT, NOW)
        assert len(server.requests) == 1
    assert outcome.state is state
    assert outcome.detail
    assert "\n" not in outcome.detail


@pytest.mark.parametrize("status", ["400 Bad", "422 Bad"])
def test_a_refusal_of_what_was_sent_before_proves_nothing_about_the_first_time(status):
    with serving(said(b"", status)) as server:
        assert provider(server.url).send(AGAIN, NOW).state is State.UNKNOWN


def test_a_closed_door_is_unknown_too():
    with serving() as server:
        url = server.url
    assert provider(url).send(INTENT, NOW).state is State.UNKNOWN


def test_the_secret_is_not_printed():
    assert SECRET not in repr(provider("http://127.0.0.1"))


# --- looking up -------------------------------------------------------------------------------------------------------


def told(**values: object) -> bytes:
    return orjson.dumps({"refund_id": "INC-7-refund-1", "status": "succeeded", **values})


def test_the_status_is_asked_by_refund_id_and_signed():
    with serving(said(told(provider_refund_id="P-9", reason=""))) as server:
        assert provider(server.url).look_up(INTENT, NOW) == Outcome(State.SUCCEEDED, "P-9")
    line, headers, _ = heard(server.requests[0])
    assert line == "GET /status?shop=1&refund_id=INC-7-refund-1 HTTP/1.1"
    assert webhooks.verify(SECRET, headers, b"", NOW) == "INC-7-refund-1"


def test_a_404_says_that_it_never_arrived():
    with serving(said(b"<html>", "404 Not Found")) as server:
        assert provider(server.url).look_up(INTENT, NOW) is None


LOOKS = {
    "pending": (said(told(status="pending")), State.PENDING),
    "failed": (said(told(status="failed", reason="closed account")), State.FAILED),
    "another refund": (said(told(refund_id="INC-8-refund-1")), State.UNKNOWN),
    "an unknown status": (said(told(status="done")), State.UNKNOWN),
    "a list": (said(b"[]"), State.UNKNOWN),
    "HTML": (said(b"<html>"), State.UNKNOWN),
    "two answers in one": (
        said(b'{"refund_id":"INC-7-refund-1","status":"failed","status":"succeeded"}'),
        State.UNKNOWN,
    ),
    "401": (said(b"", "401 Bad"), State.UNKNOWN),
    "500": (said(told(), "500 Bad"), State.UNKNOWN),
    "a redirect": (said(told(), "302 There"), State.UNKNOWN),
    "silence": (silent, State.UNKNOWN),
    "a reset": (resetting(), State.UNKNOWN),
}


@pytest.mark.parametrize(("behaviour", "state"), LOOKS.values(), ids=LOOKS)
def test_a_status_that_is_not_clear_stays_unknown(behaviour, state):
    with serving(behaviour) as server:
        outcome = provider(server.url).look_up(INTENT, NOW)
    assert outcome is not None
    assert outcome.state is state


def test_without_a_status_url_nothing_can_be_looked_up():
    assert not Webhook(Http(), "http://127.0.0.1", SECRET).can_look_up
    assert provider("http://127.0.0.1").can_look_up


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_signed_report_is_believed():
    body = told(status="failed", provider_refund_id="P-9", reason="account\nclosed\x00")
    headers = webhooks.sign(SECRET, "msg-1", NOW, body)
    report = provider("http://127.0.0.1").receive(headers, body, NOW)
    assert report == Report("msg-1", "INC-7-refund-1", Outcome(State.FAILED, "P-9", "account closed"))


def test_a_report_with_a_wrong_signature_is_not_even_read():
    with pytest.raises(webhooks.BadSignature):
        provider("http://127.0.0.1").receive(webhooks.sign(SECRET, "msg-1", NOW, b"{}"), b"[", NOW)


BAD_REPORTS = {
    "no JSON": (b"refund_id=1", "not JSON"),
    "a list": (b"[]", "JSON object"),
    "a key twice": (b'{"refund_id":"a","status":"failed","status":"pending"}', "same key twice"),
    "no refund_id": (b'{"status":"failed"}', "refund_id"),
    "an empty refund_id": (told(refund_id=""), "refund_id"),
    "a numeric refund_id": (told(refund_id=7), "refund_id"),
    "a huge refund_id": (told(refund_id="x" * 65), "refund_id"),
    "no status": (b'{"refund_id":"a"}', "status"),
    "an unknown status": (told(status="refunded"), "status"),
    "a status that is a list": (told(status=["failed"]), "status"),
    "a huge reference": (told(provider_refund_id="x" * 121), "provider_refund_id"),
    "a reference with a NUL": (told(provider_refund_id="x\x00"), "provider_refund_id"),
}


@pytest.mark.parametrize(("body", "why"), BAD_REPORTS.values(), ids=BAD_REPORTS)
def test_a_report_of_another_form_is_refused_in_one_sentence(body, why):
    with pytest.raises(BadReport, match=rf"^The report.*{why}.*\.$"):
        read_report(body)


def test_a_report_may_say_more_or_less_than_agreed():
    assert read_report(told(extra=1, reason=None)) == ("INC-7-refund-1", Outcome(State.SUCCEEDED))
    assert len(read_report(told(reason="x" * 999))[1].detail) == 300
