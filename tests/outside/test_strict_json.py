"""What is taken as JSON, and what is not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.outside.strict_json import BadJson, loads

BAD = {
    "nothing": (b"", "empty document"),
    "HTML": (b" <html>[1]</html>", "looks like HTML"),
    "no UTF-8": (b'{"a": "\xff"}', "not valid UTF-8"),
    "Latin 1": ('{"a": "ñ"}'.encode("latin-1"), "not valid UTF-8"),
    "half a character": (b'{"a": "\\ud800"}', "surrogate"),
    "half a character as a key": (b'{"\\udc00": 1}', "surrogate"),
    "NaN": (b'{"a": NaN}', "JSON value"),
    "infinity": (b"[-Infinity]", "digit"),
    "a number beyond all": (b"[1e999]", "infinity"),
    "text after the end": (b"{} {}", "unexpected content after"),
    "cut off": (b'{"a": [1, 2', "JSON|EOF|end"),
    "single quotes": (b"{'a': 1}", "."),
    "a comma too many": (b"[1,]", "."),
    "a byte order mark": (b"\xef\xbb\xbf{}", "BOM"),
    "33 levels": (b"[" * 33 + b"]" * 33, "deeper than 32 levels"),
    "33 levels behind misleading texts": (b'["]","\\"}",' * 32 + b"[]" + b"]" * 32, "deeper than 32 levels"),
    "100,000 levels": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "."),
}
GOOD = {
    "an object": (b'{"a": [1, -2.5, true, null, "\xc3\xb1 \\u00f1"]}', {"a": [1, -2.5, True, None, "ñ ñ"]}),
    "a whole pair of surrogates": (b'"\\ud83d\\ude00"', "😀"),
    "32 levels": (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    "40 texts full of brackets": (b'["[{\\"[", "a"' + b', "]}[[["' * 40 + b"]", ['[{"[', "a", *["]}[[["] * 40]),
    "a text that ends in a backslash": (b'["\\\\"' + b', "[", "{"' * 40 + b"]", ["\\", *["[", "{"] * 40]),
}


@pytest.mark.parametrize("unique_keys", [False, True], ids=["feed", "webhook"])
@pytest.mark.parametrize(("body", "why"), BAD.values(), ids=BAD)
def test_anything_but_strict_json_is_refused_with_the_reason(body, why, unique_keys):
    with pytest.raises(BadJson, match=why):
        loads(body, unique_keys=unique_keys)


@pytest.mark.parametrize("unique_keys", [False, True], ids=["feed", "webhook"])
@pytest.mark.parametrize(("body", "value"), GOOD.values(), ids=GOOD)
def test_strict_json_is_read(body, value, unique_keys):
    assert loads(body, unique_keys=unique_keys) == value


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]'], ids=["plain", "escaped"])
def test_a_key_given_twice_is_refused_where_two_readers_could_differ(body):
    assert loads(body)
    with pytest.raises(BadJson, match="same key twice"):
        loads(body, unique_keys=True)


def depth(value: object) -> int:
    """How deep a value is nested, counted slowly."""
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


TREES = st.recursive(
    st.none() | st.integers(-(2**40), 2**40) | st.text('[]{}"\\ñ,:', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\a', max_size=4), inner, max_size=4),
    max_leaves=40,
)


@settings(deadline=None, max_examples=400)
@given(TREES, st.integers(1, 6), st.booleans())
def test_the_depth_is_measured_exactly_whatever_the_texts_hold(tree, allowed, escaped):
    body = json.dumps(tree, ensure_ascii=escaped).encode()
    if depth(tree) > allowed:
        with pytest.raises(BadJson, match="nested deeper"):
            loads(body, depth=allowed)
    else:
        assert loads(body, depth=allowed) == loads(body, depth=allowed, unique_keys=True) == tree


def test_a_number_too_large_for_64_bits_is_read_alike_by_both_readers():
    body = b"[123456789012345678901234567890]"
    assert loads(body) == loads(body, unique_keys=True) == [1.2345678901234568e29]
