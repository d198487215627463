"""JSON that others wrote is read strictly."""

import pytest

from tracker.outside.strict_json import BadJson, loads

REFUSED = {
    "one level too deep": b"[" * 33 + b"]" * 33,
    "a bomb of brackets": b"[" * 100_000 + b"]" * 100_000,
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "something behind it": b'{"a": 1} x',
    "cut off": b'{"a": [1, 2',
    "not UTF-8": b'{"a": "\xff"}',
    "half a character": b'{"a": "\\ud800"}',
    "brackets that do not match": b"[" * 20 + b"}" * 20,
    "nothing": b"",
    "a page of HTML": b"<html><body>Service unavailable</body></html>",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("unique", [False, True], ids=["feed", "webhook"])
def test_what_is_not_strict_json_is_refused_in_one_sentence(body: bytes, unique: bool) -> None:
    with pytest.raises(BadJson) as refused:
        loads(body, unique_keys=unique)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("unique", [False, True], ids=["feed", "webhook"])
def test_what_is_json_is_read(unique: bool) -> None:
    assert loads('{"a": [1, {"b": "[[[{{{ \\" ñ"}]}'.encode(), unique_keys=unique) == {"a": [1, {"b": '[[[{{{ " ñ'}]}
    assert loads(b"[" * 32 + b"]" * 32, unique_keys=unique)
    many = b"[" + b",".join(b'{"t": "a \\" [ b"}' for _ in range(100)) + b"]"
    assert len(loads(many, unique_keys=unique)) == 100


def test_a_key_that_stands_twice_is_refused_where_two_readers_could_differ() -> None:
    body = b'{"status": "failed", "status": "succeeded"}'
    assert loads(body) == {"status": "succeeded"}
    with pytest.raises(BadJson, match="twice"):
        loads(body, unique_keys=True)
