"""DHL's answers ("Shipment Tracking - Unified"), from the book of parcels."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from tracker.simulator.truth import Book, Parcel, Scan
from tracker.simulator.wire.calls import Answer, Call, told

HOST: Final = "api-eu.dhl.com"
API_KEY: Final = "made-up-dhl-key"
ZONES: Final = {"ES": "Europe/Madrid", "PT": "Europe/Lisbon", "DE": "Europe/Berlin", "FR": "Europe/Paris"}
STATUS: Final = {
    "pre-transit": "PRE-TRANSIT",
    "transit": "IN TRANSIT",
    "delivered": "DELIVERED",
    "failure": "EXCEPTION",
}


class Dhl:
    """The server of DHL: a key in a header, one number a request, 404 for what it does not know."""

    def __init__(self, book: Book, clock: Callable[[], datetime]) -> None:
        """Answer from this book, at this clock's time."""
        self._book = book
        self._clock = clock

    def answer(self, call: Call) -> Answer:
        """The answer to one request."""
        if call.headers.get("dhl-api-key") != API_KEY:
            return told(401, {"title": "Unauthorized", "status": 401, "detail": "Unauthorized for given resource."})
        number = call.query.get("trackingNumber", "")
        parcel = self._book.find("dhl_unified", number)
        scans = parcel.told(self._clock()) if parcel and call.path == "/track/shipments" else []
        if parcel is None or not scans:
            detail = "No shipment with given tracking number found."
            return told(404, {"title": "No result found", "detail": detail, "status": 404, "instance": f"/{number}"})
        return told(200, _page(parcel, scans))


def _page(parcel: Parcel, scans: list[Scan]) -> dict[str, Any]:
    url = f"/shipments?trackingNumber={parcel.number}?offset=0&limit=5"
    newest = [_event(parcel, scan) for scan in reversed(scans)]
    stamp = scans[-1].at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shipment = {
        "id": parcel.number,
        "service": "parcel-de" if parcel.country == "DE" else "express",
        "origin": _place("ES", "28850", "TORREJON DE ARDOZ"),
        "destination": _place(parcel.country, parcel.postcode, parcel.town),
        "status": {**newest[0], "timestamp": stamp},
        "details": {"references": {"number": parcel.order, "type": "customer-reference"}, "totalNumberOfPieces": 1},
        "events": newest,
    }
    return {"url": url, "firstUrl": url, "lastUrl": url, "shipments": [shipment], "possibleAdditionalShipmentsUrl": []}


def _event(parcel: Parcel, scan: Scan) -> dict[str, Any]:
    """One scan as the list shows it, with the local time of the place and no zone."""
    return {
        "timestamp": local(parcel, scan),
        "location": _place(parcel.country, "", scan.town or parcel.town),
        "statusCode": scan.code,
        "status": STATUS.get(scan.code, "UNKNOWN"),
        "description": scan.text,
    }


def local(parcel: Parcel, scan: Scan) -> str:
    """The local time of the destination, without a zone."""
    zone = ZoneInfo(ZONES.get(parcel.country, "Europe/Madrid"))
    return scan.at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _place(country: str, postcode: str, town: str) -> dict[str, Any]:
    address = {"countryCode": country, "postalCode": postcode, "addressLocality": town}
    return {"address": {key: value for key, value in address.items() if value}}
