"""Builders: rows and tools with sensible values, so that a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from itertools import count

from tracker.domain.events import Direction, ExceptionCode, Source, Stage
from tracker.domain.incidents import Kind
from tracker.domain.ladder import BUILT_IN
from tracker.domain.promises import Action, DueSource, Party
from tracker.outside.mail import Console
from tracker.outside.words import Words
from tracker.steps import Tools
from tracker.store import audit, incidents, links, promises
from tracker.store.audit import Actor, ActorKind
from tracker.store.base import Store
from tracker.store.depots import Depot
from tracker.store.incidents import Incident
from tracker.store.links import Purpose
from tracker.store.promises import Promise
from tracker.store.shipments import Channel, Customer, EventRow, Order, Shipment

NOON = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""A Wednesday, twelve o'clock in Madrid."""
DAY = timedelta(days=1)
JOB = Actor(ActorKind.JOB, via="test")
SECRET = b"a secret of more than thirty-two bytes for tests"
_numbers = count(1)


class NoHttp:
    """A way to the outside that nobody may use."""

    def send(self, method, url, **_):
        raise AssertionError(f"nobody may call {method} {url}")


def tools(store, **values):
    """Tools on a store, with nothing outside but a mailer that prints to nowhere."""
    said = {"http": NoHttp(), "mail": Console(lambda _text: None), "words": Words(), "secret": SECRET}
    return Tools(store=store, **{**said, **values})


def store(url, clock=lambda: NOON):
    """A store on a migrated database, whose leases are judged by the test's clock."""
    return Store(url, clock, clock)


def depot(session, **values):
    """SEUR's depot in Badajoz."""
    row = Depot(
        **{
            "carrier": "seur",
            "code": f"D{next(_numbers)}",
            "name": "SEUR Badajoz",
            "region": "EX",
            "email": "badajoz@depot.example",
            "manager_email": "jefa.badajoz@depot.example",
            "postcodes": "06",
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def order(session, *, customer=None, channel=None, **values):
    """An order of 180 euros by Marta, paid."""
    number = next(_numbers)
    shop = Channel(**{"name": f"shop {number}", **(channel or {})})
    person = {"name": "Marta Peña", "email": "marta@example.com", "phone": "+34 600 100 200", "locale": "es"}
    recipient = Customer(**{**person, **(customer or {})})
    session.add_all([shop, recipient])
    session.flush()
    row = Order(
        **{"channel_id": shop.id, "customer_id": recipient.id, "number": f"O-{number}", "paid_minor": 18000, **values}
    )
    session.add(row)
    session.flush()
    return row


def shipment(session, *, now=NOON, order_id=None, **values):
    """A SEUR shipment to Badajoz in transit."""
    row = Shipment(
        **{
            "order_id": order_id or order(session).id,
            "carrier": "seur",
            "number": f"0700{next(_numbers):010d}",
            "postcode": "06001",
            "value_minor": 18000,
            "stage": Stage.IN_TRANSIT,
            "created_at": now - 6 * DAY,
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def event(session, of, at, *, text="EN TRÁNSITO", **values):
    """A scan of a shipment."""
    number = next(_numbers)
    row = EventRow(
        **{
            "shipment_id": of.id,
            "identity": number.to_bytes(16, "big"),
            "occurred_at": at,
            "first_seen_at": at,
            "tz_known": False,
            "raw_code": f"LI{number}",
            "raw_text": text,
            "raw_time": at.isoformat(),
            "stage": Stage.IN_TRANSIT,
            "exception": ExceptionCode.NONE,
            "direction": Direction.OUTBOUND,
            "location": "Mérida",
            "mapping_version": 1,
            "source": Source.POLL,
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def incident(session, of, *, now=NOON, kind=Kind.DAMAGED_OR_LOST, **values):
    """An open incident of a shipment."""
    row = Incident(
        **{
            "ref": f"I{of.id:06d}",
            "shipment_id": of.id,
            "kind": kind,
            "policy_id": incidents.pinned(session, BUILT_IN).id,
            "opened_at": now,
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def promise(session, of, due_at, *, now=NOON, action=Action.CALL, performer=Party.DEPOT, **values):
    """An agreed promise of the depot to call the customer."""
    row = Promise(
        **{
            "incident_id": of.id,
            "episode": of.episode,
            "promisor": performer,
            "performer": performer,
            "beneficiary": Party.CUSTOMER,
            "action": action,
            "made_at": now,
            "due_at": due_at,
            "due_source": DueSource.AGREED,
            **values,
        }
    )
    made = promises.make(session, row, JOB, wake_at=due_at)
    promises.set_next_due(session, of)
    return made


def token(session, purpose, *, now=NOON, days=3, **of):
    """The token of a new link: make.token(session, Purpose.DEPOT, shipment_id=…, incident_id=…, depot_id=…)."""
    return links.token(SECRET, links.make(session, SECRET, Purpose(purpose), now, now + days * DAY, **of))


def opened(session, of, *, now=NOON, kind=Kind.DAMAGED_OR_LOST, **values):
    """An open incident of a shipment, with its audit row, and nothing owed yet."""
    said = {"ref": f"I{of.id:06d}", "shipment_id": of.id, "kind": kind, "opened_at": now}
    row = Incident(**{**said, "policy_id": incidents.pinned(session, BUILT_IN).id, **values})
    audit.change(session, row, now, JOB, "incident_opened")
    return row
