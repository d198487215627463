"""A webhook is believed only when the holder of the secret signed these very bytes just now."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from tracker.outside.webhooks import BadSignature, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# The example of the Standard Webhooks specification.
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_example_of_the_specification_holds_both_ways() -> None:
    assert sign(SECRET, VECTOR["webhook-id"], AT, BODY) == VECTOR
    assert verify(SECRET, VECTOR, BODY, AT) == VECTOR["webhook-id"]


def test_what_we_sign_others_verify() -> None:
    now = datetime.now(UTC)
    assert Webhook(SECRET).verify(BODY, sign(SECRET, "m1", now, BODY)) == {"test": 2432232314}


@pytest.mark.parametrize("late", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_five_minutes_either_way_are_allowed_and_no_more(late: timedelta) -> None:
    assert verify(SECRET, VECTOR, BODY, AT + late)
    with pytest.raises(BadSignature):
        verify(SECRET, VECTOR, BODY, AT + late * 1.01)


MALFORMED = {
    "no headers": {},
    "no id": {**VECTOR, "webhook-id": ""},
    "another id": {**VECTOR, "webhook-id": "msg_2"},
    "no timestamp": {**VECTOR, "webhook-timestamp": ""},
    "a timestamp in words": {**VECTOR, "webhook-timestamp": "yesterday"},
    "a timestamp beyond time": {**VECTOR, "webhook-timestamp": "9" * 30},
    "not a number": {**VECTOR, "webhook-timestamp": "nan"},
    "no signature": {**VECTOR, "webhook-signature": ""},
    "no version": {**VECTOR, "webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    "another version": {**VECTOR, "webhook-signature": VECTOR["webhook-signature"].replace("v1", "v2")},
    "not base64": {**VECTOR, "webhook-signature": "v1,ñ"},
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED)
def test_everything_malformed_is_a_bad_signature(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, AT)


@pytest.mark.parametrize("body", [b"", b'{"test": 1}', b"\xff\xfe"])
def test_other_bytes_are_a_bad_signature(body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, VECTOR, body, AT)


def test_an_old_secret_signs_nothing_and_several_signatures_may_stand_side_by_side() -> None:
    with pytest.raises(BadSignature):
        verify("whsec_" + "A" * 32, VECTOR, BODY, AT)
    both = {**VECTOR, "webhook-signature": f"v1,AAAA {VECTOR['webhook-signature']}"}
    assert verify(SECRET, both, BODY, AT)
