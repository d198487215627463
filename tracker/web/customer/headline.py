"""How the parcel stands, in one large sentence, and how far it has come."""

from typing import Final, NamedTuple

from tracker.domain.events import Direction, ExceptionCode, Stage
from tracker.domain.incidents import Cause, Kind, State
from tracker.store.incidents import Incident
from tracker.store.shipments import Shipment
from tracker.store.views.customer import Case
from tracker.web.customer.sayings import KINDS, OUTCOMES, STAGES, SUSPECTED, TROUBLES
from tracker.web.language import gettext as _
from tracker.web.language import noted


class Headline(NamedTuple):
    """The large sentence, the small one below it and their tone: bad, warn, good or plain."""

    sentence: str
    below: str
    tone: str


class Step(NamedTuple):
    """One step of the way: its name and whether it is done, current or to come."""

    name: str
    state: str


_WAY: Final = (
    noted("Registered"),
    noted("Picked up"),
    noted("On the way"),
    noted("Out for delivery"),
    noted("Delivered"),
)
_BACK: Final = (*_WAY[:3], noted("On the way back"), noted("Back at the shop"))
_PLACES: Final = {
    Stage.UNKNOWN: -1,
    Stage.REGISTERED: 0,
    Stage.ACCEPTED: 1,
    Stage.IN_TRANSIT: 2,
    Stage.CUSTOMS: 2,
    Stage.AT_DELIVERY_DEPOT: 2,
    Stage.OUT_FOR_DELIVERY: 3,
    Stage.AT_PICKUP_POINT: 3,
    Stage.ENDED_UNDELIVERED: 3,
    Stage.RETURNING: 3,
    Stage.DELIVERED: 4,
    Stage.RETURNED: 4,
}
_NAMES: Final = {
    Stage.CUSTOMS: noted("At customs"),
    Stage.AT_DELIVERY_DEPOT: noted("At the depot near you"),
    Stage.AT_PICKUP_POINT: noted("At the pickup point"),
    Stage.ENDED_UNDELIVERED: noted("Not delivered"),
}
_MISSING: Final = frozenset({Kind.LOST, Kind.STOLEN, Kind.DAMAGED_OR_LOST})


def headline(case: Case) -> Headline:
    """What is so now: the open incident speaks first, then how it ended, then what the carrier says."""
    incident = case.incident
    if incident is not None and incident.state is State.OPEN:
        sentence, below = _trouble(incident, case.shipment)
        return Headline(_(sentence), _(below), "good" if incident.kind is Kind.FOUND else "bad")
    if incident is not None and incident.outcome in OUTCOMES:
        sentence, below = OUTCOMES[incident.outcome]
        return Headline(_(sentence), _(below), "good")
    return _standing(case.shipment)


def _trouble(incident: Incident, shipment: Shipment) -> tuple[str, str]:
    if incident.kind is Kind.DAMAGED_OR_LOST and incident.cause is not None:
        return KINDS[Kind.DAMAGED if incident.cause is Cause.BROKEN else Kind.LOST]
    if shipment.suspected and incident.kind in _MISSING and incident.cause is None:
        return SUSPECTED
    return KINDS[incident.kind]


def _standing(shipment: Shipment) -> Headline:
    sentence, below = STAGES[shipment.stage]
    if shipment.exception is not ExceptionCode.NONE and shipment.stage is not Stage.DELIVERED:
        return Headline(f"{_(TROUBLES[shipment.exception])}.", _(sentence), "warn")
    return Headline(_(sentence), _(below) if below else "", "good" if shipment.stage is Stage.DELIVERED else "plain")


def way(shipment: Shipment) -> list[Step]:
    """The five steps from the shop to the door, or back to the shop."""
    back = shipment.direction is Direction.RETURN or shipment.stage in {Stage.RETURNING, Stage.RETURNED}
    reached = _PLACES[shipment.stage]
    names = list(_BACK if back else _WAY)
    if reached >= 0 and shipment.stage in _NAMES:
        names[reached] = _NAMES[shipment.stage]
    ended = reached == len(names) - 1
    return [Step(_(name), _state(place, reached, ended=ended)) for place, name in enumerate(names)]


def _state(place: int, reached: int, *, ended: bool) -> str:
    if place == reached:
        return "end" if ended else "current"
    return "done" if place < reached else "todo"
