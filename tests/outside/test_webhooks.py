"""Signed messages: what proves one, and what does not."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from tracker.outside.webhooks import BadSignature, sign, verify

NOW = datetime(2026, 11, 18, 8, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"refund_id":"R-1","reason":"dañado"}'.encode()
HEADERS = sign(SECRET, "R-1", NOW, BODY)


def test_the_specification_s_own_example_is_signed_the_same():
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signature_is_the_hash_of_id_time_and_body_under_the_secret():
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    message = b"R-1." + str(int(NOW.timestamp())).encode() + b"." + BODY
    expected = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    assert HEADERS["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")], ids=["with whsec_", "bare base64"])
def test_what_was_signed_is_verified(secret):
    assert verify(secret, HEADERS, BODY, NOW) == "R-1"


def test_an_instant_of_any_zone_is_the_same_instant():
    assert sign(SECRET, "R-1", NOW.astimezone(timezone(timedelta(hours=-11))), BODY) == HEADERS


def test_the_library_of_the_specification_believes_us():
    now = datetime.now(UTC)
    assert Webhook(SECRET).verify(BODY, sign(SECRET, "R-1", now, BODY)) == {"refund_id": "R-1", "reason": "dañado"}


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299, 300])
def test_a_message_within_five_minutes_is_believed(seconds):
    assert verify(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds)) == "R-1"


@pytest.mark.parametrize("seconds", [-301, 301, 86400, -86400])
def test_a_message_of_another_time_is_not_believed(seconds):
    with pytest.raises(BadSignature, match="too old, or from the future"):
        verify(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds))


RIGHT = HEADERS["webhook-signature"]
BELIEVED = {
    "names in another case": {name.title(): value for name, value in HEADERS.items()},
    "an older key's signature before it": {**HEADERS, "webhook-signature": f"v1,AAAA {RIGHT}"},
    "an unknown version beside it": {**HEADERS, "webhook-signature": f"{RIGHT} v2,xyz"},
}


@pytest.mark.parametrize("headers", BELIEVED.values(), ids=BELIEVED)
def test_headers_may_come_in_other_forms(headers):
    assert verify(SECRET, headers, BODY, NOW) == "R-1"


WRONG = {
    "no headers": {},
    "no id": {**HEADERS, "webhook-id": ""},
    "another id": {**HEADERS, "webhook-id": "R-2"},
    "an id with a line break": {**HEADERS, "webhook-id": "R-1\n"},
    "a huge id": {**HEADERS, "webhook-id": "R" * 129},
    "another time": {**HEADERS, "webhook-timestamp": str(int(NOW.timestamp()) + 1)},
    "a time with a fraction": {**HEADERS, "webhook-timestamp": f"{NOW.timestamp()}"},
    "a time that is none": {**HEADERS, "webhook-timestamp": "now"},
    "a time of 400 digits": {**HEADERS, "webhook-timestamp": "9" * 400},
    "a negative time": {**HEADERS, "webhook-timestamp": "-1"},
    "other digits": {**HEADERS, "webhook-timestamp": "１７"},
    "no signature": {**HEADERS, "webhook-signature": ""},
    "a version alone": {**HEADERS, "webhook-signature": "v1,"},
    "no version": {**HEADERS, "webhook-signature": RIGHT.removeprefix("v1,")},
    "another version": {**HEADERS, "webhook-signature": RIGHT.replace("v1,", "v1a,")},
    "no base64": {**HEADERS, "webhook-signature": "v1,%%%"},
    "no ASCII": {**HEADERS, "webhook-signature": "v1,ñ\udc80"},
    "commas": {**HEADERS, "webhook-signature": "v1,a,b,c"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_every_malformed_or_wrong_header_is_the_same_refusal(headers):
    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, NOW)


@pytest.mark.parametrize("body", [BODY + b" ", b"", b"\xff\xfe"], ids=["one blank more", "nothing", "no UTF-8"])
def test_another_body_is_refused(body):
    with pytest.raises(BadSignature):
        verify(SECRET, HEADERS, body, NOW)


def test_another_secret_is_refused():
    with pytest.raises(BadSignature):
        verify(base64.b64encode(b"another secret").decode(), HEADERS, BODY, NOW)
