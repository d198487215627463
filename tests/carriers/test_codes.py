"""The code tables: valid, complete against the collected lists, and honest about what is doubtful."""

import csv

import pytest

from tests.carriers.samples import FEEDS
from tracker.carriers import CARRIERS
from tracker.carriers.base import load
from tracker.domain.events import Direction, ExceptionCode, Stage

E = ExceptionCode
SEUR = CARRIERS["seur"].codes
HEADER = "code,stage,exception,direction,handover_to,flags,place,depot,text,reason\n"
collected = pytest.mark.skipif(not FEEDS.is_dir(), reason="the collected feeds do not lie beside the project")

MOVING = {Stage.IN_TRANSIT, Stage.AT_DELIVERY_DEPOT, Stage.CUSTOMS, None}
MEANINGS = {
    "in_transit": (MOVING, {E.NONE}),
    "out_for_delivery": ({Stage.OUT_FOR_DELIVERY}, {E.NONE}),
    "delivered": ({Stage.DELIVERED, Stage.AT_PICKUP_POINT, Stage.IN_TRANSIT, None}, {E.NONE, E.MISSING_PIECES}),
    "available_for_pickup": ({Stage.AT_PICKUP_POINT}, {E.NONE}),
    "info_received": ({Stage.REGISTERED}, {E.NONE}),
    "pending": ({Stage.REGISTERED}, {E.NONE}),
    "unknown": ({None}, {E.NONE}),
    "returning": ({Stage.RETURNING}, {E.NONE, E.REFUSED, E.UNCLAIMED}),
    "returned": ({Stage.RETURNED}, {E.NONE}),
    "cancelled": ({Stage.ENDED_UNDELIVERED}, {E.CANCELLED}),
    "customs_hold": ({Stage.CUSTOMS}, {E.CUSTOMS_HOLD, E.HELD_DOCUMENTS, E.HELD_PAYMENT, E.SEIZED}),
    "address_problem": ({None}, {E.ADDRESS_PROBLEM, E.ATTEMPT_FAILED_ACCESS}),
    "refused": ({None}, {E.REFUSED}),
    "delivery_attempted": (
        {None},
        {E.ATTEMPT_FAILED_ABSENT, E.ATTEMPT_FAILED_CLOSED, E.ATTEMPT_FAILED_ACCESS, E.HELD_PAYMENT},
    ),
    "delayed": (
        {None},
        {E.DELAYED_CARRIER, E.DELAYED_WEATHER, E.DELAYED_OTHER, E.MISROUTED, E.ATTEMPT_FAILED_NO_TIME},
    ),
    "lost": ({None, Stage.ENDED_UNDELIVERED}, {E.LOST, E.STOLEN, E.MISSING_PIECES}),
    "damaged": ({None}, {E.DAMAGED, E.DAMAGED_DELIVERED, E.DESTROYED}),
    "damaged_or_lost": ({None}, {E.DAMAGED_OR_LOST}),
    "destroyed": ({None, Stage.ENDED_UNDELIVERED}, {E.DESTROYED}),
}
"""What each word of the collected flat list may become on the two axes; a hold may become nearly anything."""
SEVERE = {
    E.LOST: "LI535 LI843 LK535 LL011 LL091 LL310",
    E.STOLEN: "LI881",
    E.MISSING_PIECES: "LI510 LI511 LI600 LI725 LI810 LI811 LK520 LK521",
    E.DAMAGED: "LI537 LI538 LI550 LI882",
    E.DAMAGED_DELIVERED: "LI539",
    E.DESTROYED: "LI556 LI840 LK573 LL082 LL303 LL830 LL832",
    E.DAMAGED_OR_LOST: "LK560 LK596",
}


def collected_rows():
    with (FEEDS / "status-codes/seur.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("code", CARRIERS)
def test_every_row_of_a_table_is_valid_and_can_be_looked_up(code):
    table = CARRIERS[code].codes
    assert table.version >= 1
    for raw, means in table.rows.items():
        found = table.look_up(raw)[1]
        assert found.exception is means.exception is not ExceptionCode.UNMAPPED
        assert found.stage is means.stage
        assert (means.direction is Direction.RETURN) == (means.stage in (Stage.RETURNING, Stage.RETURNED))
        assert means.place is None or means.stage is Stage.IN_TRANSIT
        assert means.depot is None or (means.place and means.depot.isdigit() and len(means.depot) == 2)
        assert means.text or means.reason


@collected
def test_each_of_the_480_collected_codes_is_mapped():
    rows = collected_rows()
    assert len(rows) == 480
    assert {row["code"] for row in rows} == set(SEUR.rows)


@collected
def test_each_collected_code_means_what_its_word_can_mean():
    for row in collected_rows():
        means = SEUR.rows[row["code"]]
        if row["canonical"] == "on_hold":
            assert means.exception not in SEVERE or row["code"] == "LI568"
            continue
        stages, exceptions = MEANINGS[row["canonical"]]
        assert means.stage in stages, row
        assert means.exception in exceptions, row


@collected
def test_the_29_raise_their_exceptions():
    severe = {"lost", "damaged", "damaged_or_lost", "destroyed"}
    found = {row["code"] for row in collected_rows() if row["canonical"] in severe}
    assert len(found) == 29
    assert found == {code for codes in SEVERE.values() for code in codes.split()}


@pytest.mark.parametrize(("exception", "codes"), SEVERE.items(), ids=SEVERE)
def test_what_is_grave_raises_its_own_exception(exception, codes):
    assert {SEUR.look_up(code)[1].exception for code in codes.split()} == {exception}


@collected
def test_every_solution_that_seur_waits_for_is_flagged():
    waiting = {row["code"] for row in collected_rows() if row["seur_prestashop_group"] == "APORTAR SOLUCIÓN"}
    flagged = {code for code, means in SEUR.rows.items() if means.solution}
    assert len(waiting) == 39
    assert flagged - waiting == {"LI869", "LI893"}
    assert waiting <= flagged


@collected
def test_every_doubtful_row_has_its_reason():
    for row in collected_rows():
        means = SEUR.rows[row["code"]]
        if row["confidence"] == "guess" or (row["canonical"] in {"lost", "unknown"} and row["code"] not in GIVEN):
            assert means.reason, row
        if row["seur_prestashop_group"] == "ENTREGADO" and row["canonical"] != "delivered" and row["code"] not in GIVEN:
            assert means.reason, row


GIVEN = {"LI843", "LI881", "LI564"}
"""Their texts leave no doubt."""

FORMS = {
    "S-W999": "SW999",
    "SW89": "SW089",
    "LI-535": "LI535",
    "li535": "LI535",
    "I535": "LI535",
    "I-535": "LI535",
    "C1": "LC001",
    "II718": "II718",
    "I718": "LI718",
    "K560": "LK560",
}


@pytest.mark.parametrize(("raw", "expected"), FORMS.items(), ids=FORMS)
def test_ways_of_writing_a_code(raw, expected):
    code, means = SEUR.look_up(raw)
    assert code == expected
    assert means == SEUR.rows[expected]


@pytest.mark.parametrize("raw", ["", "LI", "LI5351", "XI535", "535", "LI536A", "extraviada", "LI999", "I999", "💥"])
def test_what_is_no_code_of_the_table_is_never_guessed(raw):
    assert SEUR.look_up(raw)[1].exception is ExceptionCode.UNMAPPED


BROKEN = {
    "a stage of somebody else's": ("LI1,incidence,,,,,,,,", "code LI1: 'incidence' is not a valid Stage"),
    "an exception of somebody else's": ("LI1,,incident,,,,,,,", "code LI1: 'incident' is not a valid ExceptionCode"),
    "unmapped in the table": ("LI1,,unmapped,,,,,,,", "code LI1: a code in the table is not unmapped"),
    "a direction": ("LI1,,,back,,,,,,", "code LI1: 'back' is not a valid Direction"),
    "a receiver": ("LI1,,,,the dog,,,,,", "code LI1: the dog is not a word of ours"),
    "a flag": ("LI1,,,,,urgent solution,,,,", "code LI1: urgent is not a word of ours"),
    "a code twice": ("LI1,,,,,,,,,\nLI1,,,,,,,,,", "code 'LI1' is empty or stands twice"),
    "no code": (",,,,,,,,,", "code '' is empty or stands twice"),
}


@pytest.mark.parametrize(("row", "message"), BROKEN.values(), ids=BROKEN)
def test_a_table_that_speaks_other_words_stops_the_start(tmp_path, row, message):
    table = tmp_path / "table.csv"
    table.write_text(f"{HEADER}{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"table.csv: {message}"):
        load(table, 1)
