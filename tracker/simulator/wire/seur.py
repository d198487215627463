"""SEUR's REST answers ("PIC"): token, extended tracking and cities, from the book of parcels."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tracker.simulator.truth import Book, Parcel, Scan
from tracker.simulator.wire.calls import Answer, Call, told

HOST: Final = "servicios.api.seur.io"
ZONE: Final = ZoneInfo("Europe/Madrid")
LIFETIME: Final = timedelta(minutes=30)
CLIENT: Final = {"client_id": "tracker", "client_secret": "made-up & only + here%"}
"""What a client must send to get a token; the secret's signs show whether forms are encoded properly."""
COLLECTED: Final = "RECOGIDA EFECTUADA"


class Seur:
    """The servers of SEUR: tokens that end, one reference a request, 204 for what they do not know."""

    def __init__(self, book: Book, clock: Callable[[], datetime]) -> None:
        """Answer from this book, at this clock's time."""
        self._book = book
        self._clock = clock
        self._tokens: dict[str, datetime] = {}
        self._issued = 0

    def answer(self, call: Call) -> Answer:
        """The answer to one request."""
        if call.path == "/pic_token":
            return self._token(call)
        if not self._known(call):
            return told(401, {"errors": [{"title": "Unauthorized", "status": "401", "detail": "Invalid token"}]})
        match call.path:
            case "/pic/v1/tracking-services/extended":
                return self._tracking(call)
            case "/pic/v1/cities":
                return self._cities(call)
        return told(404, {"errors": [{"title": "Not Found", "status": "404", "detail": call.path}]})

    def forget_tokens(self) -> None:
        """Every token ends before its time."""
        self._tokens.clear()

    def _token(self, call: Call) -> Answer:
        if call.method != "POST" or any(call.form.get(key) != value for key, value in CLIENT.items()):
            return told(401, {"error": "unauthorized_client", "error_description": "Invalid client credentials"})
        self._issued += 1
        token = f"seur-token-{self._issued}"
        self._tokens[token] = self._clock() + LIFETIME
        lifetime = int(LIFETIME.total_seconds())
        return told(200, {"access_token": token, "expires_in": lifetime, "refresh_token": "x", "token_type": "Bearer"})

    def _known(self, call: Call) -> bool:
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and token in self._tokens and self._clock() < self._tokens[token]

    def _tracking(self, call: Call) -> Answer:
        parcel = self._book.find("seur", call.query.get("ref", ""))
        if call.query.get("refType") != "REFERENCE" or parcel is None:
            return Answer(204)
        if parcel.country != "ES" and "accountNumber" in call.query:
            return Answer(204)  # abroad it is registered again, under the destination's business unit
        scans = parcel.told(self._clock())
        return told(200, {"data": _entries(parcel, scans)}) if scans else Answer(204)

    def _cities(self, call: Call) -> Answer:
        postcode = call.query.get("postalCode", "")
        if len(postcode) != 5 or call.query.get("countryCode") != "ES":
            return Answer(204)
        province = postcode[:2]
        city = {"cityCode": postcode, "provinceCode": province, "nomeclatorCode": f"{postcode}000", "depot": province}
        return told(200, {"data": [city]})


def _entries(parcel: Parcel, scans: list[Scan]) -> list[dict[str, Any]]:
    """The shipment, the collection that it was part of, and at times somebody else's parcel."""
    entries = [_entry(parcel, "Exp", parcel.postcode, parcel.town, [_situation(scan) for scan in scans])]
    collected = {"eventCode": "SI001", "description": COLLECTED, "situationDate": local(scans[0].at)}
    entries.append(_entry(parcel, "Rec", "28850", "TORREJON DE ARDOZ", [collected]))
    if parcel.twin:
        other = {"eventCode": "LL001", "description": "Entregado", "situationDate": local(scans[0].at)}
        entries.insert(0, _entry(parcel, "Exp", "29001" if parcel.postcode != "29001" else "48001", "", [other]))
    return entries


def _entry(parcel: Parcel, kind: str, postcode: str, town: str, situations: list[dict[str, str]]) -> dict[str, Any]:
    ecb = f"{sum(parcel.number.encode()) * 7919 % 10**14:014d}"
    unit = int(parcel.depot) if parcel.depot.isdigit() else 28
    return {
        "refType": "REFERENCE",
        "ref": parcel.number,
        "shipmentRef": f"028{ecb[:10]}{parcel.created_at:%Y%m%d}",
        "collectionRef": None,
        "businessUnit": unit,
        "postalCode": postcode,
        "cityName": town,
        "type": kind,
        "situations": situations,
        "refs": {"rmt": parcel.number, "dst": None, "ord": parcel.order, "ago": "28", "agd": str(unit)},
        "packs": [{"ecb": ecb, "refs": {}}],
    }


def _situation(scan: Scan) -> dict[str, str]:
    return {"eventCode": scan.code, "description": scan.text, "situationDate": local(scan.at)}


def local(at: datetime) -> str:
    """A time as SEUR writes it: local, without a zone."""
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S.000")
