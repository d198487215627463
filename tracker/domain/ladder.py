"""Policy as data: the default times, and the next rung of the ladder with the reason for it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final


class PolicyError(ValueError):
    """A policy that cannot be used, in one sentence."""


class Receiver(StrEnum):
    """Who a rung speaks to."""

    DEPOT = "depot"
    MANAGER = "manager"
    DESK = "desk"


@dataclass(frozen=True)
class Rung:
    """One step: whom to tell, and how long after the broken promise, in the receiver's own business time."""

    to: Receiver
    business_hours: float = 0
    working_days: int = 0


@dataclass(frozen=True)
class Policy:
    """Every threshold of the ladder.  Days are working days and hours business hours of the one who must act."""

    name: str = "standard"
    version: int = 1
    answer_working_days: int = 1
    search_working_days: int = 3
    search_working_days_far: int = 6
    stalled_working_days: int = 2
    stalled_working_days_far: int = 5
    overdue_working_days: int = 1
    nudge_business_hours: float = 2
    unconfirmed_minutes: int = 60
    ask_from_hour: int = 9
    ask_until_hour: int = 21
    refund_working_days: int = 3
    approval_staff_hours: float = 4
    cause_known_minutes: int = 30
    solution_staff_hours: float = 4
    followup_days: int = 2
    staff_hours: str = "Mo-Fr 09:00-18:00; PH off"
    refund_cap_minor: int = 50_000
    refunds_per_day: int = 20
    rungs: tuple[Rung, ...] = (
        Rung(Receiver.DEPOT),
        Rung(Receiver.MANAGER, business_hours=4),
        Rung(Receiver.DESK, working_days=1),
    )

    @property
    def patience(self) -> timedelta:
        """How long a customer has to answer before a promise counts as unconfirmed."""
        return timedelta(minutes=self.unconfirmed_minutes)

    def as_json(self) -> dict[str, Any]:
        """The body that is stored with an incident's episode."""
        return {**asdict(self), "rungs": [asdict(rung) for rung in self.rungs]}


BUILT_IN: Final = Policy()


def rung(policy: Policy, level: int) -> Rung | None:
    """The rung that follows `level`; None above the top."""
    return policy.rungs[level] if level < len(policy.rungs) else None


def read(body: Mapping[str, Any]) -> Policy:
    """A policy from data.  Raises PolicyError, which names the wrong entry."""
    known = {field.name: field.type for field in fields(Policy)}
    for name in body:
        if name not in known:
            raise PolicyError(f"the policy has an unknown entry {name!r}")
    values = {name: _value(name, value) for name, value in body.items()}
    return Policy(**values)


def _value(name: str, value: Any) -> Any:
    if name == "rungs":
        return tuple(_rung(place, entry) for place, entry in enumerate(value, 1))
    default = getattr(BUILT_IN, name)
    wanted = (int, float) if isinstance(default, float | int) else str
    if isinstance(value, bool) or not isinstance(value, wanted) or (not isinstance(value, str) and value < 0):
        raise PolicyError(f"the policy's {name} must be like {default!r}, not {value!r}")
    return value


def _rung(place: int, entry: Any) -> Rung:
    try:
        return Rung(Receiver(entry["to"]), float(entry.get("business_hours", 0)), int(entry.get("working_days", 0)))
    except (TypeError, KeyError, ValueError):
        raise PolicyError(
            f"rung {place} of the policy needs 'to' (depot, manager or desk) and business_hours or working_days"
        ) from None


_FAR_PREFIXES: Final = ("07", "35", "38", "51", "52")


def is_far(country: str, postcode: str) -> bool:
    """Whether a parcel has a sea to cross: abroad, or the Spanish islands, Ceuta and Melilla by their postcodes."""
    return country != "ES" or postcode.startswith(_FAR_PREFIXES)
