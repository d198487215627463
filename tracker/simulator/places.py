"""Towns of the world: their postcodes, the depots that deliver there and the characters of those depots."""

from enum import StrEnum
from typing import Final, NamedTuple


class Character(StrEnum):
    """How a depot deals with what it is asked."""

    PROMPT = "prompt"
    """Answers within two working hours, truly."""
    SLOW = "slow"
    """Answers a working day or two later, truly."""
    SILENT = "silent"
    """Never answers."""
    LYING = "lying"
    """Says that it has called the customer, and has not."""


class Town(NamedTuple):
    """A town; `depot` is the code of the office that delivers there."""

    name: str
    postcode: str
    country: str
    depot: str


class Office(NamedTuple):
    """A carrier's depot: where it is, when it works, how it behaves."""

    carrier: str
    code: str
    name: str
    region: str | None
    character: Character
    hours: str = "Mo-Fr 09:00-14:00,16:00-19:00; PH off"
    timezone: str = "Europe/Madrid"
    country: str = "ES"
    proved: bool = True
    """An answer has shown before that its address is right."""


OFFICES: Final = (
    Office("seur", "06", "SEUR Badajoz", "EX", Character.SILENT),
    Office("seur", "07", "SEUR Mallorca", "IB", Character.SLOW),
    Office("seur", "08", "SEUR Barcelona", "CT", Character.PROMPT, "Mo-Fr 08:00-20:00; Sa 09:00-13:00; PH off"),
    Office("seur", "15", "SEUR La Coruña", "GA", Character.PROMPT, proved=False),
    Office("seur", "28", "SEUR Madrid", "MD", Character.SLOW, "Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off"),
    Office("seur", "29", "SEUR Málaga", "AN", Character.LYING),
    Office("seur", "35", "SEUR Las Palmas", "CN", Character.PROMPT, timezone="Atlantic/Canary"),
    Office("seur", "41", "SEUR Sevilla", "AN", Character.SLOW),
    Office("seur", "46", "SEUR Valencia", "VC", Character.PROMPT),
    Office("seur", "48", "SEUR Bilbao", "PV", Character.LYING),
    Office("seur", "50", "SEUR Zaragoza", "AR", Character.SILENT, proved=False),
    Office("seur", "desk", "SEUR atención al cliente", "MD", Character.SLOW, "Mo-Fr 09:00-18:00; PH off"),
    Office("dhl_unified", "desk", "DHL customer desk", "MD", Character.PROMPT, "Mo-Fr 09:00-18:00; PH off"),
)

TOWNS: Final = (
    Town("BADAJOZ", "06001", "ES", "06"),
    Town("MERIDA", "06800", "ES", "06"),
    Town("PALMA", "07001", "ES", "07"),
    Town("BARCELONA", "08025", "ES", "08"),
    Town("TERRASSA", "08221", "ES", "08"),
    Town("LA CORUÑA", "15001", "ES", "15"),
    Town("MADRID", "28013", "ES", "28"),
    Town("MOSTOLES", "28931", "ES", "28"),
    Town("MALAGA", "29005", "ES", "29"),
    Town("LAS PALMAS", "35001", "ES", "35"),
    Town("SEVILLA", "41003", "ES", "41"),
    Town("VALENCIA", "46003", "ES", "46"),
    Town("BILBAO", "48005", "ES", "48"),
    Town("ZARAGOZA", "50001", "ES", "50"),
)
ABROAD: Final = (
    Town("LISBOA", "1000-205", "PT", ""),
    Town("PORTO", "4000-123", "PT", ""),
    Town("BERLIN", "10115", "DE", ""),
    Town("LYON", "69002", "FR", ""),
)


def address(office: Office, *, manager: bool = False) -> str:
    """Where the office, or its manager, reads mail."""
    who = "manager" if manager else "office"
    return f"{who}.{office.code}@{office.carrier.replace('_', '-')}.example"
