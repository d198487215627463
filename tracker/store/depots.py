"""Depots and desks: who answers for a parcel at the carrier, when they are open and how they are reached."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from tracker.store.base import Base, Id

DESK = "desk"
"""The code of a carrier's account or claims desk."""


class Depot(Base):
    """A carrier's local office, or its desk.  `hours` is opening-hours text, `postcodes` a list of prefixes."""

    __tablename__ = "depots"
    id: Mapped[Id]
    carrier: Mapped[str] = mapped_column(sa.String(32))
    code: Mapped[str] = mapped_column(sa.String(32))
    name: Mapped[str] = mapped_column(sa.String(120))
    hours: Mapped[str] = mapped_column(sa.String(300), default="Mo-Fr 09:00-14:00,16:00-19:00; PH off")
    timezone: Mapped[str] = mapped_column(sa.String(64), default="Europe/Madrid")
    country: Mapped[str] = mapped_column(sa.String(2), default="ES")
    region: Mapped[str | None] = mapped_column(sa.String(8))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    phone: Mapped[str | None] = mapped_column(sa.String(32))
    manager_email: Mapped[str | None] = mapped_column(sa.String(254))
    language: Mapped[str] = mapped_column(sa.String(8), default="es")
    postcodes: Mapped[str] = mapped_column(sa.Text, default="")
    confirmed_at: Mapped[datetime | None]
    """When an answer first proved that the address reaches the depot."""
    __table_args__ = (sa.UniqueConstraint("carrier", "code"),)


def desk(session: Session, carrier: str) -> Depot | None:
    """The carrier's desk, where one is known."""
    return session.scalars(sa.select(Depot).where(Depot.carrier == carrier, Depot.code == DESK)).one_or_none()


def of_carrier(session: Session, carrier: str) -> Sequence[Depot]:
    """Every depot of a carrier, its desk among them."""
    return session.scalars(sa.select(Depot).where(Depot.carrier == carrier).order_by(Depot.id)).all()


def by_code(session: Session, carrier: str, code: str) -> Depot | None:
    """The depot with the carrier's code; leading zeros do not matter (the feeds write both 8 and 08)."""
    return _with_code(of_carrier(session, carrier), code)


def by_postcode(session: Session, carrier: str, postcode: str) -> Depot | None:
    """The depot whose list holds the longest prefix of the postcode."""
    return _with_postcode(of_carrier(session, carrier), postcode)


def responsible(offices: Sequence[Depot], codes: Sequence[str | None], postcode: str) -> Depot | None:
    """Which of a carrier's depots serves a parcel: by the carrier's own codes, first to last, else by the postcode."""
    for code in filter(None, codes):
        if (known := _with_code(offices, code)) is not None:
            return known
    return _with_postcode(offices, postcode) if postcode else None


def _with_code(offices: Sequence[Depot], code: str) -> Depot | None:
    plain = _plain(code)
    return next((depot for depot in offices if _plain(depot.code) == plain), None)


def _plain(code: str) -> str:
    return code.lstrip("0") or "0"


def _with_postcode(offices: Sequence[Depot], postcode: str) -> Depot | None:
    best: tuple[int, Depot] | None = None
    for depot in offices:
        fits = [len(prefix) for prefix in depot.postcodes.split() if postcode.startswith(prefix)]
        if fits and (best is None or max(fits) > best[0]):
            best = (max(fits), depot)
    return best[1] if best else None


def receiver(session: Session, carrier: str, depot: Depot | None) -> Depot | None:
    """Who is written to first: a depot whose address an answer has confirmed, else the desk, else the unproved depot.

    None when nobody has an address: then a person must reach them.
    """
    office = desk(session, carrier)
    reachable = office is not None and bool(office.email)
    if depot is not None and depot.email and (depot.confirmed_at is not None or not reachable):
        return depot
    return office if reachable else None
