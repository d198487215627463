"""Intake: one validator for every way in, a parcel is taken in once, a file loses nothing it could take."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tracker.carriers.base import Account
from tracker.domain.refusals import Refused
from tracker.steps.intake import (
    Wrong,
    check_text,
    enter,
    import_depots,
    import_shipments,
    read,
    register,
)
from tracker.store.audit import Audit
from tracker.store.depots import Depot
from tracker.store.shipments import Channel, Customer, Order, Shipment

NOON = make.NOON
FULL = {
    "carrier": "SEUR",
    "number": "  0070 abc/1 ",
    "postcode": " ０６００１ ",
    "country": "es",
    "order_number": "A-1",
    "channel": "amazon",
    "amount": "180.00",
    "currency": "eur",
    "customer_name": "Marta\u00a0Peña\n",
    "customer_email": "Marta@EXAMPLE.com",
    "customer_phone": "+34 600 100 200",
    "customer_locale": "es-ES",
    "weight_kg": "30.5",
    "declared_value": "179.9",
    "promised_at": "2026-11-20T18:00:00+01:00",
    "marketplace_eta": "2026-12-02T23:00:00Z",
}
LEAST = {"carrier": "seur", "number": "1"}


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    yield make.tools(store)
    store.close()


def rows(tools, model):
    with tools.store.read() as session:
        return session.scalars(sa.select(model).order_by(model.id)).all()


def take(tools, now=NOON, **values):
    with tools.store.begin() as session:
        return register(session, tools, now, read({**LEAST, **values}), make.JOB)


# --- the validator ----------------------------------------------------------------------------------------------------


def test_every_field_is_read_and_normalised_once():
    new = read(FULL)
    assert (new.carrier, new.number, new.postcode, new.country) == ("seur", "0070 abc/1", "06001", "ES")
    assert (new.order_number, new.channel, new.paid_minor, new.currency) == ("A-1", "amazon", 18000, "EUR")
    assert (new.customer_name, new.customer_email, new.customer_locale) == ("Marta Peña", "Marta@example.com", "es")
    assert (new.weight_g, new.value_minor) == (30500, 17990)
    assert new.promised_at == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert new.marketplace_eta == datetime(2026, 12, 2, 23, tzinfo=UTC)


def test_what_is_empty_counts_as_not_given():
    assert read({**LEAST, "postcode": "", "amount": "  ", "customer_email": None}) == read(LEAST)


@pytest.mark.parametrize("number", ["0", "1.23E+5", "ñandú 1/2", "LI535", "' OR 1=1", "%_*", "x" * 64])
def test_no_pattern_refuses_a_tracking_number(number):
    assert read({**LEAST, "number": number}).number == number


BAD = {
    "a carrier that nobody knows": ("carrier", "acme", "one of dhl_unified, seur"),
    "no carrier": ("carrier", "", "is missing"),
    "no number": ("number", "  ", "is missing"),
    "a number that is too long": ("number", "x" * 65, "longer than 64"),
    "a number with a hole": ("number", "1\x002", "cannot be seen"),
    "a number that reads backwards": ("number", "1\u202e2", "cannot be seen"),
    "half a character": ("order_number", "\ud800", "cannot be seen"),
    "a postcode that is too long": ("postcode", "1" * 17, "longer than 16"),
    "a postcode that lost its zero": ("postcode", "6001", "lost a digit"),
    "a country in words": ("country", "Spain", "two letters"),
    "an amount of nothing": ("amount", "0", "more than zero"),
    "an amount below nothing": ("amount", "-1", "such as 180.00"),
    "an amount as a power": ("amount", "1e9", "such as 180.00"),
    "three decimals": ("amount", "1.005", "2 decimals of EUR"),
    "a currency that is none": ("currency", "EURO", "currency code"),
    "an address without host": ("customer_email", "marta", "no mail address"),
    "two addresses": ("customer_email", "a@example.com, b@example.com", "no mail address"),
    "a language that is none": ("customer_locale", "spanish!", "a language"),
    "no weight": ("weight_kg", "0", "kilograms above 0"),
    "a weight in words": ("weight_kg", "30 kg", "kilograms above 0"),
    "a time without a zone": ("promised_at", "2026-11-20T18:00:00", "has no zone"),
    "a day alone": ("promised_at", "2026-11-20", "has no zone"),
    "a day that is none": ("promised_at", "2026-02-30T10:00:00Z", "not '2026-02-30"),
    "a year that is none": ("marketplace_eta", "9999-12-31T23:59:59-12:00", "the year 9999"),
    "a field that is none": ("refund_state", "succeeded", "no field of a shipment"),
}


@pytest.mark.parametrize(("field", "text", "why"), BAD.values(), ids=BAD)
def test_what_cannot_be_taken_is_refused_in_a_sentence_that_begins_with_the_field(field, text, why):
    with pytest.raises(Wrong) as refused:
        read({**LEAST, field: text})
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field} ")
    assert why in str(refused.value)


# --- one shipment -----------------------------------------------------------------------------------------------------


def test_a_shipment_is_stored_with_order_and_customer_and_is_due_at_once(tools):
    with tools.store.begin() as session:
        made = make.depot(session, code="06")
    known = take(tools, **FULL)
    (shipment,), (order,), (customer,) = rows(tools, Shipment), rows(tools, Order), rows(tools, Customer)
    assert (shipment.id, shipment.wake_at, shipment.created_at) == (known.id, NOON, NOON)
    assert (shipment.number, shipment.depot_id, shipment.epoch) == ("0070 abc/1", made.id, 1)
    assert (order.number, order.paid_minor, order.currency) == ("A-1", 18000, "EUR")
    assert (customer.name, customer.locale) == ("Marta Peña", "es")
    (note,) = rows(tools, Audit)
    assert (note.action, note.object) == ("registered", f"shipments:{shipment.id}")
    assert "06001" not in str(note.after)


def test_the_same_shipment_again_is_the_one_that_is_known(tools):
    assert take(tools, postcode="06001").id == take(tools, now=NOON + timedelta(hours=1)).id
    assert [row.wake_at for row in rows(tools, Shipment)] == [NOON]


def test_leading_zeros_and_case_make_another_number(tools):
    assert len({take(tools, number=number).id for number in ("7", "07", "a", "A")}) == 4


REUSE = {
    "a year to the day": (timedelta(days=365), 1),
    "a second later": (timedelta(days=365, seconds=1), 2),
}


@pytest.mark.parametrize(("later", "epochs"), REUSE.values(), ids=REUSE)
def test_a_number_that_was_silent_for_twelve_months_is_another_parcel(tools, later, epochs):
    take(tools, customer_email="first@example.com", order_number="")
    take(tools, now=NOON + later, customer_email="second@example.com")
    assert [row.epoch for row in rows(tools, Shipment)] == [1, 2][:epochs]
    assert len(rows(tools, Customer)) == epochs


def test_silence_counts_from_the_last_event(tools):
    take(tools)
    with tools.store.begin() as session:
        session.execute(sa.update(Shipment).values(last_event_at=NOON + timedelta(days=300)))
    assert take(tools, now=NOON + timedelta(days=600)).epoch == 1


def test_two_shipments_of_one_order_share_its_money_and_customer(tools):
    take(tools, number="1", order_number="A-1", amount="180.00")
    take(tools, number="2", order_number="A-1", customer_email="marta@example.com")
    (order,) = rows(tools, Order)
    assert order.paid_minor == 18000
    assert [row.order_id for row in rows(tools, Shipment)] == [order.id, order.id]
    assert [row.email for row in rows(tools, Customer)] == ["marta@example.com"]


def test_the_same_order_number_in_another_channel_is_another_order(tools):
    take(tools, number="1", order_number="A-1", channel="amazon")
    take(tools, number="2", order_number="A-1", channel="ebay")
    assert [row.name for row in rows(tools, Channel)] == ["amazon", "ebay"]
    assert len(rows(tools, Order)) == 2


CONTRADICTIONS = {
    "another amount": ({"amount": "200.00"}, "amount", "180.00 EUR"),
    "another currency": ({"amount": "180.00", "currency": "USD"}, "currency", "180.00 EUR"),
}


@pytest.mark.parametrize(("given", "field", "why"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_the_order_is_refused_and_leaves_nothing(tools, given, field, why):
    take(tools, number="1", order_number="A-1", amount="180.00")
    with pytest.raises(Wrong, match=why) as refused:
        take(tools, number="2", order_number="A-1", **given)
    assert refused.value.field == field
    assert len(rows(tools, Shipment)) == 1


def test_a_shipment_without_order_gets_one_of_its_own(tools):
    with tools.store.begin() as session:
        for carrier in ("seur", "dhl_unified"):
            register(session, tools, NOON, read({"carrier": carrier, "number": "77"}), make.JOB)
    first, second = rows(tools, Order)
    assert first.number == "77"
    assert first.customer_id != second.customer_id


def test_a_depot_that_is_named_must_be_known(tools):
    with tools.store.begin() as session:
        named = make.depot(session, code="006", postcodes="28")
    assert take(tools, number="1", postcode="06001", depot="6").depot_id == named.id
    with pytest.raises(Wrong, match="depot 99 of seur is not known"):
        take(tools, number="2", depot="99")


def test_many_at_once_make_one_shipment(tools):
    def one(_):
        with tools.store.begin() as session:
            return enter(session, tools, NOON, read({**LEAST, "order_number": "A-1"}), make.JOB)[1]

    with ThreadPoolExecutor(8) as pool:
        fresh = list(pool.map(one, range(16)))
    assert fresh.count(True) == 1
    assert (len(rows(tools, Shipment)), len(rows(tools, Order)), len(rows(tools, Channel))) == (1, 1, 1)


# --- a file of shipments ----------------------------------------------------------------------------------------------


def imported(tools, text, **options):
    lines = (text if isinstance(text, bytes) else text.encode()).splitlines(keepends=True)
    return import_shipments(tools, NOON, lines, make.JOB, **options)


def test_columns_come_by_name_in_any_order_with_bom_and_crlf(tools):
    text = "\ufeffPostcode,number, carrier ,amount,colour\r\n06001,007,seur,180.00,red\r\n\r\n"
    report = imported(tools, text)
    assert (report.added, report.known, report.refused, report.ignored) == (1, 0, [], ("colour",))
    (shipment,) = rows(tools, Shipment)
    assert (shipment.number, shipment.postcode) == ("007", "06001")


DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@pytest.mark.parametrize("sign", DELIMITERS.values(), ids=DELIMITERS)
def test_commas_semicolons_and_tabs_divide(tools, sign):
    text = f'number{sign}carrier{sign}customer_name\n1{sign}seur{sign}"Peña, Marta; ""M."""\n'
    assert imported(tools, text).added == 1
    assert rows(tools, Customer)[0].name == 'Peña, Marta; "M."'


def test_a_semicolon_file_may_write_decimal_commas(tools):
    report = imported(tools, "number;carrier;amount;weight_kg\n1;seur;180,50;30,5\n")
    assert report.refused == []
    assert (rows(tools, Order)[0].paid_minor, rows(tools, Shipment)[0].weight_g) == (18050, 30500)


def test_the_same_file_again_changes_nothing(tools):
    text = "number,carrier\n1,seur\n2,seur\n1,seur\n"
    first, second = imported(tools, text), imported(tools, text)
    assert (first.added, first.known) == (2, 1)
    assert (second.added, second.known) == (0, 3)
    assert len(rows(tools, Shipment)) == 2


def test_a_dry_run_tells_the_same_and_writes_nothing(tools):
    text = "number,carrier,amount\n" + "".join(f"{n % 900},seur,1.00\n" for n in range(1200)) + "x,acme,1\n"
    dry = imported(tools, text, dry_run=True)
    assert [rows(tools, table) for table in (Shipment, Order, Channel, Customer, Audit)] == [[], [], [], [], []]
    wet = imported(tools, text)
    assert (dry.added, dry.known, dry.refused) == (wet.added, wet.known, wet.refused)
    assert (wet.added, wet.known, len(wet.refused)) == (900, 300, 1)


BAD_ROWS = {
    "a carrier that nobody knows": ("2,acme,,", "carrier", "carrier must be one of dhl_unified, seur, not 'acme'"),
    "no number": (",seur,,", "number", "number is missing"),
    "no carrier, and the number does not tell": ("2,,,", "carrier", "carrier is missing and cannot be told"),
    "a number rounded by a spreadsheet": ("1.23457E+11,seur,,", "number", "number 1.23457E+11 was rounded"),
    "a postcode without its zero": ("2,seur,6001,", "postcode", "postcode 6001 has lost a digit"),
    "too few cells": ("2,seur", "", "the row has 2 cells where the first line has 4"),
    "too many cells": ("2,seur,06001,1.00,more", "", "the row has 5 cells"),
    "an amount below nothing": ("2,seur,06001,-5", "amount", "amount must be an amount"),
    "a quotation mark astray": ('2,"se"ur,06001,', "", "the row cannot be read"),
}


@pytest.mark.parametrize(("row", "column", "why"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_told_with_line_and_column_and_the_good_ones_are_taken(tools, row, column, why):
    report = imported(tools, f"number,carrier,postcode,amount\n1,seur,,\n{row}\n3,seur,,\n")
    assert report.added == 2
    (refused,) = report.refused
    assert (refused.line, refused.column) == (3, column)
    assert str(refused).startswith(f"line 3: {why}")
    assert [shipment.number for shipment in rows(tools, Shipment)] == ["1", "3"]


def test_a_row_is_named_by_the_line_it_begins_on(tools):
    report = imported(tools, 'number,carrier,customer_name\n1,seur,"two\nlines"\n2,acme,x\n')
    assert [row.line for row in report.refused] == [4]


def test_a_cell_without_end_is_one_bad_row(tools):
    report = imported(tools, 'number,carrier\n1,seur\n2,"seur\n3,seur\n')
    assert (report.added, [row.line for row in report.refused]) == (1, [3])


BAD_FILES = {
    "nothing": (b"", "number is not among them"),
    "no header": (b"1,seur\n", "number is not among them"),
    "a column twice": (b"number,carrier,number\n", "the column number stands twice"),
    "latin-1": ("number,customer_name\n1,Peña\n".encode("latin-1"), "line 2 is not UTF-8"),
    "UTF-16": ("number\n1\n".encode("utf-16"), "line 1 is not UTF-8"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00\x08\x08\x08\x00\xf1\xc3\n", "line 1 is not UTF-8"),
}


@pytest.mark.parametrize(("body", "why"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_read_is_refused_whole(tools, body, why):
    with pytest.raises(Refused, match=why):
        imported(tools, body)
    assert rows(tools, Shipment) == []


def test_text_that_is_not_utf_8_is_found_before_a_row_is_taken():
    with pytest.raises(Refused, match="line 3 is not UTF-8"):
        check_text([b"number\n", b"1\n", "Peña\n".encode("latin-1")])
    assert check_text([b"number\n", "Peña\n".encode()]) == 13


def test_the_carrier_is_guessed_only_when_it_is_certain(tools):
    one = make.tools(tools.store, accounts={"seur": Account("seur")})
    text = "number\n028111000201420210716\nJD014600003RR\nJJD014600001234567890\n77\n"
    report = imported(one, text)
    assert report.refused == []
    assert [row.carrier for row in rows(tools, Shipment)] == ["seur", "seur", "dhl_unified", "seur"]
    two = make.tools(tools.store, accounts={code: Account(code) for code in ("seur", "dhl_unified")})
    assert [str(row) for row in imported(two, "number\n78\n").refused] == [
        "line 2: carrier is missing and cannot be told from the number 78"
    ]


def test_a_long_file_is_read_as_it_is_written_and_tells_how_far_it_is(tools):
    asked = []

    def lines():
        yield b"number,carrier\n"
        for n in range(1100):
            asked.append(n)
            yield f"{n},seur\n".encode()

    steps = []
    import_shipments(tools, NOON, lines(), make.JOB, progress=lambda report: steps.append((report.added, len(asked))))
    assert steps == [(500, 500), (1000, 1000), (1100, 1100)]


# --- depots -----------------------------------------------------------------------------------------------------------

HEADER = "carrier,code,name,hours,timezone,region,email,phone,manager_email,language,postcodes\n"
BADAJOZ = (
    'seur,06,SEUR Badajoz,"Mo-Fr 09:00-14:00,16:00-18:00; PH off",Europe/Madrid,EX,a@d.example,1,b@d.example,es,06\n'
)


def depots(tools, text):
    with tools.store.begin() as session:
        return import_depots(session, text.encode().splitlines(keepends=True))


def test_a_depot_is_made_and_changed_by_its_code(tools):
    first = depots(tools, HEADER + BADAJOZ + "seur,desk,Atención,,,,desk@d.example,,,,\n")
    with tools.store.begin() as session:
        session.execute(sa.update(Depot).values(confirmed_at=NOON))
    second = depots(tools, HEADER + BADAJOZ.replace(",06,SEUR", ",6,SEUR").replace("a@d", "new@d"))
    assert (first.added, first.known, second.added, second.known) == (2, 0, 0, 1)
    badajoz, desk = rows(tools, Depot)
    assert (badajoz.code, badajoz.email, badajoz.confirmed_at) == ("06", "new@d.example", None)
    assert (badajoz.region, badajoz.country, badajoz.postcodes) == ("EX", "ES", "06")
    assert (desk.code, desk.confirmed_at, desk.timezone) == ("desk", NOON, "Europe/Madrid")


def test_a_depot_without_address_is_no_error(tools):
    assert depots(tools, "carrier,code\nseur,10\n").refused == []
    assert rows(tools, Depot)[0].email is None


def test_the_country_follows_from_region_or_zone(tools):
    text = (
        "carrier,code,timezone,region\nseur,1,Atlantic/Madeira,PT-30\nseur,2,Atlantic/Canary,\nseur,3,Europe/Lisbon,\n"
    )
    assert depots(tools, text).refused == []
    assert [row.country for row in rows(tools, Depot)] == ["PT", "ES", "PT"]


BAD_DEPOTS = {
    "hours that cannot be read": (BADAJOZ.replace("Mo-Fr", "Lunes"), "hours", "cannot be read"),
    "hours that never open": (BADAJOZ.replace("Mo-Fr 09:00-14:00,16:00-18:00; PH off", "off"), "hours", "never open"),
    "a zone that is none": (BADAJOZ.replace("Europe/Madrid", "Europe/Badajoz"), "timezone", "does not exist"),
    "a region that is none": (BADAJOZ.replace(",EX,", ",QQ,"), "region", "no holidays are known"),
    "a carrier that nobody knows": (BADAJOZ.replace("seur,", "acme,", 1), "carrier", "must be one of"),
    "no code": (BADAJOZ.replace(",06,", ",,", 1), "code", "is missing"),
    "an address that is none": (BADAJOZ.replace("a@d.example", "depot"), "email", "no mail address"),
    "a range of postcodes": (BADAJOZ.replace(",06\n", ",06000-06999\n"), "postcodes", "beginnings of postcodes"),
}


@pytest.mark.parametrize(("row", "column", "why"), BAD_DEPOTS.values(), ids=BAD_DEPOTS)
def test_a_bad_depot_is_told_with_line_and_column_and_the_good_ones_are_taken(tools, row, column, why):
    report = depots(tools, HEADER + row + "seur,10,Cáceres,,,,,,,,10\n")
    assert report.added == 1
    (refused,) = report.refused
    assert (refused.line, refused.column) == (2, column)
    assert why in str(refused)


def test_a_promised_date_says_from_when_a_parcel_is_overdue(tools):
    promised = datetime(2026, 11, 20, 17, tzinfo=UTC)  # a Friday, 18:00 in Madrid
    shipment = take(tools, number="LATE-1", postcode="06001", promised_at=promised.isoformat())
    assert shipment.overdue_at == datetime(2026, 11, 23, 17, tzinfo=UTC)
