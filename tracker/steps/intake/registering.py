"""A checked shipment becomes rows: channel, customer, order and the shipment itself, due at once."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tracker.domain import money
from tracker.steps import Tools
from tracker.steps.intake.new import NewShipment, Wrong
from tracker.store import depots
from tracker.store.audit import Actor, Audit
from tracker.store.shipments import Channel, Customer, Order, Shipment

REUSED_AFTER: Final = timedelta(days=365)
"""A number that has been silent for this long is another parcel's when it comes again."""


def register(session: Session, tools: Tools, now: datetime, new: NewShipment, actor: Actor) -> Shipment:
    """Follow a shipment from now on; one that is known already is returned as it stands.

    Raises Wrong, with the field's name, for what contradicts the order or names a depot that is not known.
    """
    return enter(session, tools, now, new, actor)[0]


def enter(session: Session, tools: Tools, now: datetime, new: NewShipment, actor: Actor) -> tuple[Shipment, bool]:
    """Like `register`; the second value tells whether the shipment is new."""
    try:
        with session.begin_nested():
            return _enter(session, tools, now, new, actor)
    except IntegrityError:
        # Another process took in the same parcel, order or channel meanwhile: its rows can be seen now.
        return _enter(session, tools, now, new, actor)


def _enter(session: Session, tools: Tools, now: datetime, new: NewShipment, actor: Actor) -> tuple[Shipment, bool]:
    before = latest(session, new.carrier, new.number)
    if before is not None and now - (before.last_event_at or before.created_at) <= REUSED_AFTER:
        return before, False
    epoch = before.epoch + 1 if before else 1
    shipment = Shipment(
        order=_order(session, tools, new, epoch),
        carrier=new.carrier,
        number=new.number,
        epoch=epoch,
        postcode=new.postcode,
        country=new.country,
        value_minor=new.value_minor,
        weight_g=new.weight_g,
        promised_at=new.promised_at,
        marketplace_eta=new.marketplace_eta,
        overdue_at=tools.overdue(new.country, new.postcode, new.promised_at) if new.promised_at else None,
        depot_id=_depot(session, new),
        created_at=now,
        wake_at=now,
    )
    session.add(shipment)
    session.flush()
    session.add(_note(shipment, now, actor))
    return shipment, True


def latest(session: Session, carrier: str, number: str) -> Shipment | None:
    """The newest shipment under a carrier's number, exactly as it was typed."""
    return session.scalars(
        sa.select(Shipment)
        .where(Shipment.carrier == carrier, Shipment.number == number)
        .order_by(Shipment.epoch.desc())
        .limit(1)
    ).one_or_none()


def _note(shipment: Shipment, now: datetime, actor: Actor) -> Audit:
    """Who brought the shipment in; where it goes is left out, so that it can be erased."""
    after = {"carrier": shipment.carrier, "number": shipment.number, "epoch": shipment.epoch}
    return Audit(
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        via=actor.via,
        action="registered",
        object=f"shipments:{shipment.id}",
        before={},
        after=after,
    )


def _order(session: Session, tools: Tools, new: NewShipment, epoch: int) -> Order:
    channel = session.scalars(sa.select(Channel).where(Channel.name == new.channel)).one_or_none()
    if channel is None:
        channel = Channel(name=new.channel)
        session.add(channel)
        session.flush()
    number = new.order_number or _own_number(session, channel, new, epoch)
    order = _known_order(session, channel, number)
    if order is not None:
        _agree(order, new)
        return order
    customer = Customer(
        name=new.customer_name,
        email=new.customer_email,
        phone=new.customer_phone,
        locale=new.customer_locale or tools.locale,
    )
    return Order(
        channel=channel, customer=customer, number=number, paid_minor=new.paid_minor or 0, currency=new.currency
    )


def _known_order(session: Session, channel: Channel, number: str) -> Order | None:
    return session.scalars(sa.select(Order).where(Order.channel_id == channel.id, Order.number == number)).one_or_none()


def _own_number(session: Session, channel: Channel, new: NewShipment, epoch: int) -> str:
    """A shipment without an order gets one of its own, under its number where no other parcel has taken that."""
    taken = _known_order(session, channel, new.number) is not None
    return f"{new.number[:36]} {new.carrier[:16]} {epoch}" if taken else new.number


def _agree(order: Order, new: NewShipment) -> None:
    """Another shipment of a known order: what it says fills gaps and must not contradict.  Raises Wrong."""
    if new.paid_minor is not None:
        if order.paid_minor == 0:
            order.paid_minor, order.currency = new.paid_minor, new.currency
        paid = f"{money.text(order.paid_minor, order.currency)} {order.currency}"
        if order.currency != new.currency:
            raise Wrong("currency", f"is {new.currency}, but order {order.number} was paid with {paid}")
        if order.paid_minor != new.paid_minor:
            raise Wrong("amount", f"is not what is known of order {order.number}: {paid}")
    for name, value in (("name", new.customer_name), ("email", new.customer_email), ("phone", new.customer_phone)):
        if getattr(order.customer, name) is None:
            setattr(order.customer, name, value)


def _depot(session: Session, new: NewShipment) -> int | None:
    """The depot that was named, else the one that delivers to the postcode; remembered for this transaction."""
    seen: dict[tuple[str, str | None, str], int | None] = session.info.setdefault("depots_at_intake", {})
    key = (new.carrier, new.depot, new.postcode)
    if key not in seen:
        seen[key] = _find_depot(session, new)
    return seen[key]


def _find_depot(session: Session, new: NewShipment) -> int | None:
    if new.depot is None:
        found = depots.by_postcode(session, new.carrier, new.postcode) if new.postcode else None
        return found.id if found else None
    named = depots.by_code(session, new.carrier, new.depot)
    if named is None:
        raise Wrong("depot", f"{new.depot} of {new.carrier} is not known: import the depots first or leave it out")
    return named.id
