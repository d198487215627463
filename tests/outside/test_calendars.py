"""Opening-hours texts and holidays as calendars, and what is wrong with the bad ones."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from tracker.domain.hours import add, end_of_working_day, is_open, next_opening
from tracker.outside.calendars import BadCalendar, _holidays, calendar, postcode_region, postcode_zone
from tracker.outside.postcodes import MAINLANDS, REGIONS

MADRID = ZoneInfo("Europe/Madrid")
SPLIT = "Mo-Fr 09:00-14:00,16:00-18:00; PH off"


def spanish(hours, region=None):
    return calendar("depot", "Europe/Madrid", hours, "ES", region)


def opens(found, day):
    return ",".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in found.opens(date.fromisoformat(day)))


# 2026: the 4th of September is a Friday, Tuesday the 8th Extremadura's day, Monday the 12th of October Spain's.
READ = {
    "two periods a day": (SPLIT, None, "2026-09-04", "09:00-14:00,16:00-18:00"),
    "closed at weekends": (SPLIT, None, "2026-09-05", ""),
    "closed on a national holiday": (SPLIT, None, "2026-10-12", ""),
    "closed on a regional holiday": (SPLIT, "EX", "2026-09-08", ""),
    "open where another region keeps the holiday": (SPLIT, "MD", "2026-09-08", "09:00-14:00,16:00-18:00"),
    "open where no region is known": (SPLIT, None, "2026-09-08", "09:00-14:00,16:00-18:00"),
    "closed on holidays of which the text is silent": ("Mo-Fr 09:00-14:00", "EX", "2026-09-08", ""),
    "shorter on holidays": ("Mo-Fr 09:00-18:00; PH 10:00-12:00", "EX", "2026-09-08", "10:00-12:00"),
    "open on holidays as on weekdays": ("Mo-Fr,PH 09:00-14:00", None, "2026-08-15", "09:00-14:00"),
    "closed on Sundays and holidays": ("09:00-14:00; PH,Su off", "EX", "2026-09-08", ""),
    "24/7 knows no holiday": ("24/7", "EX", "2026-09-08", "00:00-00:00"),
    "24/7 but for holidays": ("24/7; PH off", "EX", "2026-09-08", ""),
    "24/7 before a holiday": ("24/7; PH off", "EX", "2026-09-07", "00:00-00:00"),
    "until midnight": ("Mo-Fr 09:00-24:00", None, "2026-09-04", "09:00-00:00"),
    "over midnight, on the day it starts": ("Mo-Fr 22:00-06:00", None, "2026-09-04", "22:00-06:00"),
    "over midnight, nothing of its own on the next day": ("Mo-Fr 22:00-06:00", None, "2026-09-05", ""),
    "over midnight into a holiday": ("Mo-Fr 22:00-06:00", "EX", "2026-09-07", "22:00-00:00"),
    "summer hours": ("Mo-Fr 09:00-18:00; Jul-Aug Mo-Fr 08:00-15:00", None, "2026-08-17", "08:00-15:00"),
    "a local feast": ('Mo-Fr 09:00-14:00; 2026 Sep 24 off "Feria"', None, "2026-09-24", ""),
    "unknown is not open": ("Mo-Th 09:00-14:00; Fr 09:00-14:00 unknown", None, "2026-09-04", ""),
    "a comment is no rule": ('Mo-Fr 09:00-14:00 "PH too, ask"', "EX", "2026-09-08", ""),
    "a semicolon too many": ("Mo-Fr 09:00-14:00; ", None, "2026-09-04", "09:00-14:00"),
}


@pytest.mark.parametrize(("hours", "region", "day", "expected"), READ.values(), ids=READ)
def test_the_text_decides_when_a_day_opens(hours, region, day, expected):
    assert opens(spanish(hours, region), day) == expected


WHY = {
    "a regional holiday": ("EX", "2026-09-08", "Día de Extremadura"),
    "a national one": ("EX", "2026-10-12", "Fiesta Nacional de España"),
    "one moved to Monday": ("EX", "2026-11-02", "Lunes siguiente a Todos los Santos"),
    "a weekend": ("EX", "2026-09-05", None),
    "another region's": ("MD", "2026-09-08", None),
    "a local feast": ("EX", "2026-09-24", "Feria"),
}


@pytest.mark.parametrize(("region", "day", "name"), WHY.values(), ids=WHY)
def test_a_closed_day_has_the_name_of_its_holiday(region, day, name):
    found = spanish('Mo-Fr 09:00-14:00; PH off; 2026 Sep 24 off "Feria"', region)
    assert found.why_closed(date.fromisoformat(day)) == name


def test_holidays_have_their_names_whatever_language_the_machine_speaks(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en_US")
    _holidays.cache_clear()
    assert spanish("Mo-Fr 09:00-14:00").why_closed(date(2026, 12, 25)) == "Natividad del Señor"


def test_a_deadline_in_badajoz_steps_over_the_day_of_extremadura():
    depot = calendar("SEUR Badajoz", "Europe/Madrid", SPLIT, "ES", "EX")
    asked = datetime(2026, 9, 7, 17, 30, tzinfo=MADRID)
    due = end_of_working_day(depot, asked)
    assert due.at == datetime(2026, 9, 9, 16, 0, tzinfo=UTC)
    assert due.trace == (
        "end of the next working day from Mon 17:30; SEUR Badajoz closed Tue (Tue: Día de Extremadura) → Wed 18:00"
    )
    assert add(depot, asked, timedelta(hours=2)).at == datetime(2026, 9, 9, 10, 30, tzinfo=MADRID)


def test_the_long_weekend_of_san_jose_is_told_as_one():
    depot = calendar("depot", "Europe/Madrid", "Mo-Fr 00:00-24:00", "ES", "GA")
    due = add(depot, datetime(2029, 3, 16, 17, 40, tzinfo=MADRID), timedelta(hours=24))
    assert due.trace.startswith("24 h from Fri 17:40; depot closed Sat-Sun")
    valencia = calendar("depot", "Europe/Madrid", "Mo-Fr 00:00-24:00", "ES", "VC")
    due = add(valencia, datetime(2029, 3, 16, 17, 40, tzinfo=MADRID), timedelta(hours=24))
    assert due.trace == "24 h from Fri 17:40; depot closed Sat-Mon (Mon: San José) → Tue 17:40"


def test_the_canaries_open_by_their_own_clock():
    depot = calendar("depot", "Atlantic/Canary", "Mo-Fr 09:00-14:00", "ES", "CN")
    assert next_opening(depot, datetime(2026, 9, 4, 7, 0, tzinfo=UTC)) == datetime(2026, 9, 4, 8, 0, tzinfo=UTC)
    assert not is_open(depot, datetime(2026, 9, 4, 9, 30, tzinfo=MADRID))


def test_other_countries_keep_their_own_holidays():
    lisbon = calendar("Lisboa", "Europe/Lisbon", "Mo-Fr 09:00-18:00", "pt", None)
    berlin = calendar("Berlin", "Europe/Berlin", "Mo-Fr 09:00-18:00", "DE", "DE-BE")
    assert lisbon.why_closed(date(2026, 6, 10)) is not None
    assert opens(lisbon, "2026-06-10") == ""
    assert opens(berlin, "2026-06-10") == "09:00-18:00"
    assert berlin.why_closed(date(2027, 3, 8)) == "Frauentag"


def test_a_region_may_be_written_in_three_ways():
    for region in ("EX", "ES-EX", "Extremadura"):
        assert spanish(SPLIT, region).why_closed(date(2026, 9, 8)) == "Día de Extremadura"
    assert calendar("Faro", "Europe/Lisbon", SPLIT, "ES", "PT-20").why_closed(date(2026, 5, 25)) is not None


def test_the_same_words_make_the_same_calendar():
    assert spanish(SPLIT, "EX") is spanish(SPLIT, "EX")


BAD = {
    "hours": (
        ("Europe/Madrid", "Mo-Fr 9-14", "ES", None),
        "opening hours 'Mo-Fr 9-14' cannot be read from character 7 on",
    ),
    "no hours": (("Europe/Madrid", " ", "ES", None), "opening hours ' ' cannot be read"),
    "an offset from holidays": (("Europe/Madrid", "24/7; PH -1 day off", "ES", None), "cannot be read"),
    "never open": (("Europe/Madrid", "Mo-Su off", "ES", None), "opening hours 'Mo-Su off' never open"),
    "only perhaps open": (("Europe/Madrid", "Mo-Fr 09:00-14:00 unknown", "ES", None), "never open"),
    "school holidays": (("Europe/Madrid", "Mo-Fr 09:00-14:00; SH off", "ES", None), "use SH, which is not known here"),
    "the sun": (("Europe/Madrid", "sunrise-14:00", "ES", None), "use sunrise, which is not known here"),
    "a zone": (("Europe/Badajoz", SPLIT, "ES", None), "the time zone 'Europe/Badajoz' does not exist"),
    "a folder of zones": (("Europe", SPLIT, "ES", None), "the time zone 'Europe' does not exist"),
    "no zone": (("", SPLIT, "ES", None), "the time zone '' does not exist"),
    "a path for a zone": (("../Madrid", SPLIT, "ES", None), "the time zone '../Madrid' does not exist"),
    "a region": (("Europe/Madrid", SPLIT, "ES", "ZZ"), "no holidays are known for region 'ZZ' of country 'ES'"),
    "a country": (("Europe/Madrid", SPLIT, "QQ", None), "no holidays are known for country 'QQ'"),
}


@pytest.mark.parametrize(("words", "sentence"), BAD.values(), ids=BAD)
def test_INV_T7_a_bad_calendar_is_refused_in_one_sentence(words, sentence):
    with pytest.raises(BadCalendar, match=re.escape(sentence)) as refused:
        calendar("SEUR Badajoz", *words)
    assert str(refused.value).startswith("SEUR Badajoz: ")
    assert "\n" not in str(refused.value)


def test_a_day_is_read_from_the_text_alike_however_it_is_reached():
    found = spanish("Mo-Fr 08:00-20:00; Sa 09:00-13:00; PH off", "CT")
    for n in range(3 * 365):
        day = date(2025, 1, 1) + n * timedelta(days=1)
        festive = day in _holidays("ES", "CT", day.year)
        weekday = () if day.weekday() == 6 else ((9, 13) if day.weekday() == 5 else (8, 20))
        expected = () if festive or not weekday else ((time(weekday[0]), time(weekday[1])),)
        assert found.opens(day) == expected, day


REGION = {
    "Badajoz": ("ES", "06001", "EX"), "Cáceres": ("ES", "10001", "EX"), "Madrid": ("ES", "28013", "MD"),
    "Barcelona": ("ES", "08001", "CT"), "Palma": ("ES", "07001", "IB"), "Las Palmas": ("ES", "35001", "CN"),
    "Santa Cruz de Tenerife": ("ES", "38001", "CN"), "Ceuta": ("ES", "51001", "CE"), "Melilla": ("ES", "52001", "ML"),
    "Sevilla": ("ES", "41001", "AN"), "Zaragoza": ("ES", "50001", "AR"), "Oviedo": ("ES", "33001", "AS"),
    "Santander": ("ES", "39001", "CB"), "Burgos": ("ES", "09001", "CL"), "Toledo": ("ES", "45001", "CM"),
    "Lugo": ("ES", "27001", "GA"), "Murcia": ("ES", "30001", "MC"), "Pamplona": ("ES", "31001", "NC"),
    "Bilbao": ("ES", "48001", "PV"), "Logroño": ("ES", "26001", "RI"), "Alicante": ("ES", "03001", "VC"),
    "a nought lost in a spreadsheet": ("ES", "6001", "EX"), "with its country": ("es", "ES-06001 ", "EX"),
    "no such province": ("ES", "53001", None), "too short": ("ES", "060", None), "nothing": ("ES", "", None),
    "Ponta Delgada": ("PT", "9500-321", "20"), "Funchal": ("PT", "9000-017", "30"), "Lisbon": ("PT", "1100-148", None),
    "another country": ("FR", "06000", None),
}  # fmt: skip


@pytest.mark.parametrize(("country", "postcode", "region"), REGION.values(), ids=REGION)
def test_a_postcode_lies_in_a_region(country, postcode, region):
    assert postcode_region(country, postcode) == region


def test_every_spanish_province_has_one_region_whose_holidays_are_known():
    provinces = [province for group in REGIONS.values() for province in group.split()]
    assert sorted(provinces) == [f"{n:02}" for n in range(1, 53)]
    assert set(REGIONS) == set(holidays.ES.subdivisions) - {"Barcelona"}


ZONE = {
    "Badajoz": ("ES", "06001", "Europe/Madrid"),
    "Las Palmas": ("ES", "35001", "Atlantic/Canary"),
    "Tenerife": ("ES", "38001", "Atlantic/Canary"),
    "a 35 that does not stand first": ("ES", "24350", "Europe/Madrid"),
    "Alicante's 03500 without its nought is not the Canaries": ("ES", "3500", "Europe/Madrid"),
    "Spain without a postcode": ("ES", "", "Europe/Madrid"),
    "Lisbon": ("PT", "1100-148", "Europe/Lisbon"),
    "Funchal": ("PT", "9000-017", "Atlantic/Madeira"),
    "Ponta Delgada": ("PT", "9500-321", "Atlantic/Azores"),
    "Nice": ("FR", "06000", "Europe/Paris"),
    "Saint-Denis de la Réunion": ("FR", "97400", "Indian/Reunion"),
    "Sofia": ("bg", "1000", "Europe/Sofia"),
    "a country that is not in the table": ("QQ", "1000", "Europe/Madrid"),
}


@pytest.mark.parametrize(("country", "postcode", "zone"), ZONE.values(), ids=ZONE)
def test_a_postcode_has_a_time_zone(country, postcode, zone):
    assert postcode_zone(country, postcode) == zone


def test_a_postcode_of_nowhere_has_the_zone_that_the_caller_says():
    assert postcode_zone("", "", otherwise="Europe/Lisbon") == "Europe/Lisbon"


@pytest.mark.parametrize("country", MAINLANDS)
def test_every_country_of_the_table_has_clocks_and_holidays(country):
    zone = postcode_zone(country, "")
    assert opens(calendar("depot", zone, "24/7", country), "2026-09-04") == "00:00-00:00"
