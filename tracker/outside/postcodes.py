"""Which region and which time zone a postcode lies in, as tables."""

import re
from typing import Final

REGIONS: Final = {
    "AN": "04 11 14 18 21 23 29 41",
    "AR": "22 44 50",
    "AS": "33",
    "CB": "39",
    "CE": "51",
    "CL": "05 09 24 34 37 40 42 47 49",
    "CM": "02 13 16 19 45",
    "CN": "35 38",
    "CT": "08 17 25 43",
    "EX": "06 10",
    "GA": "15 27 32 36",
    "IB": "07",
    "MC": "30",
    "MD": "28",
    "ML": "52",
    "NC": "31",
    "PV": "01 20 48",
    "RI": "26",
    "VC": "03 12 46",
}
"""Spain's autonomous communities by the provinces that postcodes begin with (numbers of INE, used by Correos)."""

SPAIN: Final = {province: region for region, provinces in REGIONS.items() for province in provinces.split()}

PORTUGAL: Final = {"Atlantic/Azores": "20", "Atlantic/Madeira": "30"}
"""Portugal's autonomous regions (ISO 3166-2) by the zone that only they have."""

ISLANDS: Final = {
    "ES": {"35": "Atlantic/Canary", "38": "Atlantic/Canary"},
    "FR": {
        "971": "America/Guadeloupe",
        "972": "America/Martinique",
        "973": "America/Cayenne",
        "974": "Indian/Reunion",
        "976": "Indian/Mayotte",
    },
    "PT": dict.fromkeys(("90", "91", "92", "93", "94"), "Atlantic/Madeira")
    | dict.fromkeys(("95", "96", "97", "98", "99"), "Atlantic/Azores"),
}
"""How postcodes begin where the clocks are not the mainland's (Correos, La Poste, CTT)."""

MAINLANDS: Final = {
    "AD": "Europe/Andorra",
    "AL": "Europe/Tirane",
    "AT": "Europe/Vienna",
    "BA": "Europe/Sarajevo",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "BY": "Europe/Minsk",
    "CH": "Europe/Zurich",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GI": "Europe/Gibraltar",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MC": "Europe/Monaco",
    "MD": "Europe/Chisinau",
    "ME": "Europe/Podgorica",
    "MK": "Europe/Skopje",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "RS": "Europe/Belgrade",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
    "TR": "Europe/Istanbul",
    "UA": "Europe/Kyiv",
}
"""The zone of a country, islands aside (IANA's zone.tab)."""


def postcode_region(country: str, postcode: str) -> str | None:
    """The region of a postcode, as `calendar` takes it: Spain's communities, Portugal's islands; None elsewhere."""
    land, code = _normal(country, postcode)
    if land == "PT":
        return PORTUGAL.get(postcode_zone(land, code))
    return SPAIN.get(code[:2]) if land == "ES" else None


def postcode_zone(country: str, postcode: str, otherwise: str = "Europe/Madrid") -> str:
    """The IANA zone whose clocks hang at a postcode; `otherwise` for a country that is not in the tables."""
    land, code = _normal(country, postcode)
    islands = (zone for start, zone in ISLANDS.get(land, {}).items() if code.startswith(start))
    return next(islands, MAINLANDS.get(land, otherwise))


def _normal(country: str, postcode: str) -> tuple[str, str]:
    """The country in capitals and the code's digits; a Spanish one of four lost its nought in a spreadsheet."""
    land, digits = country.strip().upper(), re.sub(r"[^0-9]", "", postcode)
    if land != "ES":
        return land, digits
    return land, digits.zfill(5) if len(digits) in (4, 5) else ""
