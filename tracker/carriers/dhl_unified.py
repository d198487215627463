"""DHL's Shipment Tracking - Unified: how a parcel is asked for, and how the answer is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tracker.carriers import base
from tracker.carriers.base import Account, Ask, Candidate, Carrier, Entry, History, Reading, Wanted, words

NAME: Final = "DHL"
ZONE: Final = ZoneInfo("Europe/Madrid")
"""Assumed: events carry the local time of wherever they happened, and do not say which zone that is."""
CODES: Final = base.load(Path(__file__).with_suffix(".csv"), version=1, written=str.casefold)


def missing(account: Account) -> list[str]:
    """The key of the developer account is all that is needed."""
    return [] if account.get("API_KEY") else ["API_KEY"]


def ask(wanted: Sequence[Wanted], account: Account) -> Ask:
    """One number a request."""
    (one,) = wanted
    return Ask(
        "GET", "/track/shipments", {"trackingNumber": one.number}, headers={"DHL-API-Key": account.get("API_KEY")}
    )


def read(status: int, data: object, wanted: Sequence[Wanted]) -> Reading:
    """The events of the shipment wanted.  `statusCode` is the key: the text beside it may say something else."""
    (one,) = wanted
    answer = base.answered(NAME, status, data)
    found = list(_candidates(answer)) if answer is not None else []
    # A number is DHL's own: the place matters only where two services know it.
    asked = one if len(found) > 1 else one._replace(postcode="", town="")
    histories: dict[str, History] = {}
    for candidate in base.pick(NAME, asked, found):
        number, entry = one.number or next(iter(candidate.numbers), ""), candidate.entry
        history = histories.setdefault(number, History(NAME, number, CODES, ZONE))
        history.add(entry.get("events") or entry.get("status") or [], _fields)
    return base.reading(histories.values())


def _fields(event: Entry) -> tuple[object, object, object, object]:
    told = (words(event.get(key), 300) for key in ("status", "description", "remark"))
    text = " - ".join(dict.fromkeys(filter(None, told)))
    code = event.get("statusCode") or event.get("status")
    return code, event.get("timestamp"), text, _address(event.get("location")).get("addressLocality")


def _address(place: object) -> Entry:
    address = place.get("address") if isinstance(place, dict) else None
    return address if isinstance(address, dict) else {}


def _candidates(answer: Entry) -> Iterator[Candidate]:
    shipments = answer.get("shipments")
    if "shipments" not in answer and "title" in answer:
        raise base.told_refusal(NAME, answer)
    if not isinstance(shipments, list) or (shipments and not any(isinstance(one, dict) for one in shipments)):
        raise base.BadReply(f"{NAME} sent an object without the list of shipments that a whole answer has.")
    for shipment in shipments:
        if isinstance(shipment, dict):
            to = _address(shipment.get("destination"))
            yield Candidate(
                shipment, _numbers(shipment), words(to.get("postalCode"), 16), words(to.get("addressLocality"), 80)
            )


def _numbers(shipment: Entry) -> list[str]:
    """The shipment's number, a number or a text, then those of its pieces and its reference."""
    details = shipment.get("details")
    details = details if isinstance(details, dict) else {}
    pieces, references = details.get("pieceIds"), details.get("references")
    listed = references if isinstance(references, list) else [references]
    told = [shipment.get("id"), *(pieces if isinstance(pieces, list) else ())]
    told += [reference.get("number") for reference in listed if isinstance(reference, dict)]
    return [words(number, 64) for number in told] if words(told[0], 64) else []


CARRIER: Final = Carrier(
    code="dhl_unified", name=NAME, base_url="https://api-eu.dhl.com", auth="key", zone=ZONE, codes=CODES,
    ask=ask, read=read, missing=missing,
    limits="one number a request; 250 a day for a new key is hearsay",
    facts="DHL's documented example as an open-source integration tests against it; the zone is assumed",
)  # fmt: skip
