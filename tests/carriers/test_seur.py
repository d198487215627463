"""SEUR's REST answers, whole and odd, and the questions that bring them."""

import json
from datetime import UTC, datetime

import pytest

from tests.carriers.samples import FEEDS, data
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, AuthRefused, BadReply, CarrierDown, NotKnown, OtherParcel, Throttled, Wanted
from tracker.domain.events import Direction, ExceptionCode, Stage
from tracker.domain.status import fold

SEUR = CARRIERS["seur"]
OURS = Wanted("PED-1001", "06001", "ES")
USER = {"CLIENT_ID": "id", "CLIENT_SECRET": "a&b+c%", "USERNAME": "user", "PASSWORD": "p&w+d%"}


def events(name, wanted=OURS):
    return SEUR.read(200, data(f"seur/{name}.json"), [wanted]).events.get(wanted.number)


def situation(code, at="2026-11-17T08:00:00.000", text="TEXTO"):
    return {"eventCode": code, "situationDate": at, "description": text}


def entry(*situations, **changed):
    told = {"ref": "PED-1001", "type": "Exp", "postalCode": "06001", "cityName": "BADAJOZ", "businessUnit": 6}
    return {**told, "situations": list(situations), **changed}


def read(*entries, wanted=OURS):
    return SEUR.read(200, {"data": list(entries)}, [wanted])


def codes(reading, number="PED-1001"):
    return [event.raw_code for event in reading.events.get(number, ())]


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_user_asks_for_the_token_by_password_and_anybody_else_as_a_client():
    assert SEUR.token(Account("seur", settings=USER)).form == {
        "grant_type": "password",
        "client_id": "id",
        "client_secret": "a&b+c%",
        "username": "user",
        "password": "p&w+d%",
    }
    client = {key: USER[key] for key in ("CLIENT_ID", "CLIENT_SECRET")}
    ask = SEUR.token(Account("seur", settings=client))
    assert (ask.method, ask.path, ask.params) == ("POST", "/pic_token", {})
    assert ask.form == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "a&b+c%"}


CCC = {
    "account and unit": ({"ACCOUNT": "12345-28"}, "ES", {"accountNumber": "12345", "businessUnit": "28"}),
    "account alone": ({"ACCOUNT": "12345"}, "ES", {"accountNumber": "12345"}),
    "no country on file": ({"ACCOUNT": "12345-28"}, "", {"accountNumber": "12345", "businessUnit": "28"}),
    "abroad the filter would hide it": ({"ACCOUNT": "12345-28"}, "FR", {}),
    "not an account": ({"ACCOUNT": "A-28"}, "ES", {}),
    "a tax id": ({"ID_NUMBER": "B00000000"}, "ES", {"idNumber": "B00000000"}),
    "nothing": ({}, "ES", {}),
}


@pytest.mark.parametrize(("given", "country", "expected"), CCC.values(), ids=CCC)
def test_a_reference_is_asked_for_with_what_the_account_tells(given, country, expected):
    ask = SEUR.ask([Wanted("PED-1001", "06001", country)], Account("seur", settings=given))
    assert ask.path == "/pic/v1/tracking-services/extended"
    assert ask.params == {"ref": "PED-1001", "refType": "REFERENCE", **expected}


LACKS = {
    "everything": ({}, ["CLIENT_ID", "CLIENT_SECRET"]),
    "nothing, as a user": (USER, []),
    "nothing, as a client": ({"CLIENT_ID": "i", "CLIENT_SECRET": "s"}, []),
    "the password of a user": ({"CLIENT_ID": "i", "CLIENT_SECRET": "s", "USERNAME": "u"}, ["PASSWORD"]),
    "the user of a password": ({"CLIENT_ID": "i", "PASSWORD": "p"}, ["CLIENT_SECRET", "USERNAME"]),
    "a numeric account": ({**USER, "ACCOUNT": "madrid"}, ["ACCOUNT (written like 12345-28)"]),
}


@pytest.mark.parametrize(("given", "expected"), LACKS.values(), ids=LACKS)
def test_what_an_account_lacks(given, expected):
    assert SEUR.missing(Account("seur", settings=given)) == expected


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_lost_parcel_as_one_event_is_told_everywhere():
    assert events("built_lost")[-1].as_json(Stage.IN_TRANSIT) == {
        "number": "PED-1001",
        "occurred_at": "2026-11-18T08:12:00+01:00",
        "tz_known": False,
        "raw_code": "LI535",
        "raw_text": "EXPEDICIÓN EXTRAVIADA",
        "stage": "in_transit",
        "exception": "lost",
        "direction": "outbound",
        "handover_to": None,
        "location": "Badajoz",
        "depot": "06",
        "source": "poll",
        "mapped": True,
    }


STANDINGS = {
    "built_lost": (Stage.OUT_FOR_DELIVERY, ExceptionCode.LOST),
    "built_damage_or_loss": (Stage.IN_TRANSIT, ExceptionCode.DAMAGED_OR_LOST),
    "built_damaged_moves_on": (Stage.OUT_FOR_DELIVERY, ExceptionCode.DAMAGED),
    "built_missing_then_found": (Stage.DELIVERED, ExceptionCode.NONE),
    "built_solution_needed": (Stage.OUT_FOR_DELIVERY, ExceptionCode.ATTEMPT_FAILED_ABSENT),
}


@pytest.mark.parametrize(("name", "expected"), STANDINGS.items(), ids=STANDINGS)
def test_where_a_parcel_stands_by_its_feed(name, expected):
    standing = fold(events(name))
    assert (standing.stage, standing.exception) == expected
    assert (standing.location, standing.depot) == ("Badajoz", "06")


def test_missing_goods_are_a_suspicion_until_the_next_scan():
    told = events("built_missing_then_found")
    before, after = told[:6], told[:7]
    assert (fold(before).exception, fold(before).suspected) == (ExceptionCode.MISSING_PIECES, True)
    assert (fold(after).exception, fold(after).suspected) == (ExceptionCode.NONE, False)


def test_seur_waiting_for_a_solution_is_said():
    assert fold(events("built_solution_needed")).solution_needed
    assert not fold(events("built_lost")).solution_needed


def test_data_may_be_one_object():
    answer = data("seur/built_damage_or_loss.json")
    assert isinstance(answer["data"], dict)
    assert len(events("built_damage_or_loss")) == 6


def test_several_entries_are_told_apart_and_merged():
    told = events("built_several_entries")
    assert [event.raw_code for event in told] == ["SX010", "SX001", "LI428", "LT859", "LI406", "LI537"]
    assert fold(told).exception is ExceptionCode.DAMAGED
    theirs = events("built_several_entries", Wanted("PED-1001", "08013", "ES"))
    assert [event.raw_code for event in theirs] == ["LL001"]
    assert events("built_several_entries", Wanted("PED-1001", "28001", "ES")) is None


ENTRIES = {
    "the postcode as a number": ([entry(situation("LC001"), postalCode=6001)], ["LC001"]),
    "another postcode": ([entry(situation("LC001"), postalCode="06002")], []),
    "a collection": ([entry(situation("LC001"), type="Rec")], []),
    "a collection and no type": (
        [entry(situation("LC001"), type="Rec"), entry(situation("LC003"), type=None)],
        ["LC003"],
    ),
    "alone without a postcode": ([entry(situation("LC001"), postalCode=None)], ["LC001"]),
    "without a postcode beside another": (
        [entry(situation("LC001"), postalCode=None), entry(situation("LL001"), postalCode="08013")],
        ["LC001"],
    ),
    "without a postcode beside ours": (
        [entry(situation("LC001"), postalCode=None), entry(situation("LC003"))],
        ["LC003"],
    ),
    "no situations yet": ([entry()], []),
    "situations null": ([entry(situations=None)], []),
    "one situation as an object": ([entry(situations=situation("LC001"))], ["LC001"]),
    "nothing": ([], []),
    "a code with spaces": ([entry(situation(" LC001 "))], ["LC001"]),
    "no code": ([entry(situation(None))], [""]),
}


@pytest.mark.parametrize(("entries", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_which_entries_are_ours(entries, expected):
    reading = read(*entries)
    assert codes(reading) == expected
    assert not reading.faults


TOWNS = {"accents and case": ("León", "LEON"), "Spanish ñ": ("A CORUÑA", "a coruna")}


@pytest.mark.parametrize(("ours", "theirs"), TOWNS.values(), ids=TOWNS)
def test_a_town_tells_where_a_postcode_is_missing(ours, theirs):
    found = read(
        entry(situation("LC001"), postalCode="", cityName=theirs),
        entry(situation("LL001"), postalCode="", cityName="SEVILLA"),
        wanted=Wanted("PED-1001", "", "ES", ours),
    )
    assert codes(found) == ["LC001"]


def test_a_portuguese_postcode_may_lack_its_end():
    lisbon = Wanted("PED-1001", "1000-205", "PT")
    assert codes(read(entry(situation("LC001"), postalCode="1000"), wanted=lisbon)) == ["LC001"]
    assert codes(read(entry(situation("LC001"), postalCode="1001"), wanted=lisbon)) == []


def test_parcels_that_nothing_tells_apart_are_not_mixed():
    with pytest.raises(OtherParcel, match="a postcode is needed"):
        read(entry(situation("LC001")), entry(situation("LI535"), postalCode="08013"), wanted=Wanted("PED-1001"))
    with pytest.raises(OtherParcel, match="does not say where they go"):
        read(entry(situation("LC001"), postalCode=""), entry(situation("LI535"), postalCode=""))
    assert codes(read(entry(situation("LC001")), entry(situation("LI535")), wanted=Wanted("PED-1001"))) == [
        "LC001",
        "LI535",
    ]


def test_without_a_number_every_parcel_is_shown_under_its_own():
    reading = SEUR.read(200, {"data": [entry(situation("LC001")), entry(situation("LI535"), ref="X-2")]}, [Wanted("")])
    assert {number: [event.raw_code for event in told] for number, told in reading.events.items()} == {
        "PED-1001": ["LC001"],
        "X-2": ["LI535"],
    }


def test_code_forms_are_one_code_and_a_new_one_is_unmapped():
    told = events("built_code_forms")
    assert [(event.stage, event.exception) for event in told] == [
        (Stage.REGISTERED, ExceptionCode.NONE),
        (Stage.IN_TRANSIT, ExceptionCode.NONE),
        (Stage.IN_TRANSIT, ExceptionCode.NONE),
        (None, ExceptionCode.LOST),
        (None, ExceptionCode.UNMAPPED),
    ]
    assert [event.raw_code for event in told] == ["S-W999", "SW89", "LI-406", "I535", "ZZ123"]
    assert fold(told).unmapped == 1


def test_the_same_code_in_another_form_is_the_same_event():
    one, other = (read(entry(situation(form))).events["PED-1001"][0] for form in ("LI535", "I-535"))
    assert one.identity == other.identity
    assert codes(read(entry(situation("SW89"), situation("SW089")))) == ["SW89"]


LOCAL = {
    "winter": ("2026-01-21T00:00:00.000", datetime(2026, 1, 20, 23, tzinfo=UTC)),
    "summer": ("2026-07-21T10:00:00.000", datetime(2026, 7, 21, 8, tzinfo=UTC)),
    "the hour that comes twice is the first": ("2026-10-25T02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    "after it": ("2026-10-25T03:00:00", datetime(2026, 10, 25, 2, tzinfo=UTC)),
    "the hour that never is": ("2026-03-29T02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    "a day without a time": ("2026-01-21", datetime(2026, 1, 20, 23, tzinfo=UTC)),
}


@pytest.mark.parametrize(("text", "expected"), LOCAL.values(), ids=LOCAL)
def test_a_time_without_a_zone_is_madrids(text, expected):
    (event,) = read(entry(situation("LC001", text))).events["PED-1001"]
    assert event.occurred_at == expected
    assert not event.tz_known
    assert event.raw_time == text


TOLD = {"UTC": "2026-01-21T10:00:00Z", "an offset": "2026-01-21T09:00:00-01:00"}


@pytest.mark.parametrize("text", TOLD.values(), ids=TOLD)
def test_a_time_with_a_zone_is_believed(text):
    (event,) = read(entry(situation("LC001", text))).events["PED-1001"]
    assert (event.occurred_at, event.tz_known) == (datetime(2026, 1, 21, 10, tzinfo=UTC), True)


NO_TIME = ["", None, "ayer", "21/01/2021", "0001-01-01T00:00:00", "9999-12-31T23:59:59", 1611187200, {}, ["2026-01-21"]]


@pytest.mark.parametrize("text", NO_TIME, ids=str)
def test_a_situation_without_a_time_is_a_fault_that_harms_nothing_else(text):
    reading = read(entry(situation("LI535"), situation("LC001", text)))
    assert codes(reading) == ["LI535"]
    assert reading.faults == {"PED-1001": "SEUR sent an event of PED-1001 that cannot be read."}


def test_the_depot_is_the_last_place_that_a_code_names_else_the_business_unit():
    told = read(
        entry(
            situation("SX010", "2026-11-16T08:00:00"),
            situation("LI401", "2026-11-16T09:00:00"),
            situation("LI376", "2026-11-16T10:00:00"),
            situation("LI406", "2026-11-16T11:00:00"),
            situation("LI535", "2026-11-16T12:00:00"),
            businessUnit="8",
        )
    ).events["PED-1001"]
    assert [(event.location, event.depot) for event in told] == [
        (None, "08"),
        ("Vitoria", "01"),
        ("Pantanos", "01"),
        ("Badajoz", "06"),
        ("Badajoz", "06"),
    ]


def test_a_place_code_is_no_incident():
    for code, means in SEUR.codes.rows.items():
        if code.startswith("LI4"):
            assert means.exception is ExceptionCode.NONE


ERRORS = {
    "credentials": ({"status": "401", "title": "Unauthorized"}, AuthRefused, "Unauthorized"),
    "not known": ({"status": "404", "detail": "No data"}, NotKnown, "No data"),
    "too often": ({"status": "429"}, Throttled, "too often"),
    "down": ({"status": "503", "detail": "x\ny"}, CarrierDown, "x y"),
    "a bad question": ({"status": "400", "detail": "idNumber required."}, BadReply, "idNumber required"),
    "no status": ({"title": "Error"}, BadReply, "Error"),
    "a word for a status": ({"status": "BAD", "detail": None}, BadReply, "SEUR answered with an error"),
    "only a text": ("boom", BadReply, "boom"),
}


@pytest.mark.parametrize(("error", "kind", "words"), ERRORS.values(), ids=ERRORS)
def test_errors_inside_a_200(error, kind, words):
    with pytest.raises(kind, match=words) as refused:
        SEUR.read(200, {"errors": [error]}, [OURS])
    assert type(refused.value) is kind
    assert str(refused.value).endswith(".")
    assert not str(refused.value).endswith("..")


PIECES = {
    "the list inside an entry": [situation("LI407")],
    "a created shipment": {"shipmentCode": "028111000201420210716", "ecbs": ["28280126971198"]},
    "another interface": {"codigo_error": None, "recibidos": []},
    "data that is a text": {"data": "nothing"},
    "data of texts": {"data": ["nothing"]},
}


@pytest.mark.parametrize("answer", PIECES.values(), ids=PIECES)
def test_a_piece_of_an_answer_is_refused(answer):
    with pytest.raises(BadReply, match="whole answer"):
        SEUR.read(200, answer, [OURS])


# --- the depot --------------------------------------------------------------------------------------------------------


def test_the_depot_of_a_postcode_is_asked_for():
    ask = SEUR.ask_depot(OURS, Account("seur"))
    assert (ask.method, ask.path) == ("GET", "/pic/v1/cities")
    assert ask.params == {"countryCode": "ES", "postalCode": "06001"}


DEPOTS = {
    "one": (200, data("seur/built_cities.json"), "06"),
    "a number": (200, {"data": [{"depot": 28}]}, "28"),
    "the same for each town": (200, {"data": [{"depot": "6"}, {"depot": "06"}]}, "06"),
    "two": (200, {"data": [{"depot": "6"}, {"depot": "28"}]}, None),
    "none named": (200, {"data": [{"cityName": "BADAJOZ"}]}, None),
    "no data": (204, None, None),
}


@pytest.mark.parametrize(("status", "answer", "expected"), DEPOTS.values(), ids=DEPOTS)
def test_the_depot_that_a_look_up_names(status, answer, expected):
    assert SEUR.read_depot(status, answer) == expected


# --- collected answers ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not FEEDS.is_dir(), reason="the collected feeds do not lie beside the project")
def test_the_collected_situation_in_a_whole_envelope():
    situations = json.loads((FEEDS / "samples/seur/pic_extended_situations_one_event.json").read_bytes())
    (event,) = read(entry(*situations)).events["PED-1001"]
    assert (event.raw_code, event.raw_text, event.location, event.depot) == ("LI407", "EN CAMINO", "Mallorca", "07")
    assert event.occurred_at.isoformat() == "2021-01-21T00:00:00+01:00"
    assert (event.stage, event.exception, event.direction) == (
        Stage.IN_TRANSIT,
        ExceptionCode.NONE,
        Direction.OUTBOUND,
    )
