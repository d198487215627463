"""The console over a fresh database: a member of staff who is in, and cases as a working day leaves them."""

from datetime import timedelta

import sqlalchemy as sa

from tests import make
from tests.web.faces import Faces
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Kind
from tracker.domain.promises import Action, DueSource, Party
from tracker.outside import passwords
from tracker.steps import contacts, refunds
from tracker.store import closing, incidents
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import SaidBy, Task, TaskKind
from tracker.store.people import Role, User

NOON, DAY = make.NOON, make.DAY
HOUR = timedelta(hours=1)
PASSWORD = "ñandú corre lejos"
KEPT = passwords.hashed(PASSWORD)
STAFF = Actor(ActorKind.STAFF, "1", "ops")


class Console(Faces):
    """The application with one agent, one lead and one admin; nobody is in yet."""

    def __init__(self, url, *, locale="en", **more):
        super().__init__(url, **more)
        with self.store.begin() as session:
            for role in Role:
                session.add(user(role, locale=locale))

    def enter(self, role=Role.AGENT, client=None):
        """Log somebody in; the answer to the form."""
        if client is not None:
            self.client = client
        return self.send("/ops/login", email=f"{role}@shop.example", password=PASSWORD)

    def page(self, ref):
        """What the page of an incident says."""
        return self.text(f"/ops/incidents/{ref}")

    def act(self, ref, deed="", **form):
        """Send one of an incident's forms."""
        return self.send(f"/ops/incidents/{ref}/{deed}", f"/ops/incidents/{ref}", **form)

    def rows(self, model, **where):
        """Rows of a table in their order."""
        with self.store.read() as session:
            return session.scalars(sa.select(model).filter_by(**where).order_by(model.id)).all()


def user(role=Role.AGENT, **values):
    """A member of staff whose password is PASSWORD."""
    known = {"email": f"{role}@shop.example", "name": f"Ana {role}", "role": role, "made_at": NOON}
    return User(**{**known, "password_hash": KEPT, "session_token": f"token of the {role}", **values})


def trouble(session, *, kind=Kind.DAMAGED_OR_LOST, **values):
    """An open incident of a parcel to Badajoz, with its depot."""
    office = make.depot(session, phone="+34 924 000 111")
    shipment = make.shipment(session, depot_id=office.id)
    return make.incident(session, shipment, now=NOON - DAY, kind=kind, **values)


def chore(session, due_at, *, kind=TaskKind.SOLUTION, **of):
    """An open task."""
    reason = "the carrier waits for a solution: new attempt, address, pickup point or return"
    task = Task(kind=kind, due_at=due_at, reason=reason, made_at=NOON - DAY, **of)
    session.add(task)
    session.flush()
    return task


def whole_case(session, tools):
    """The broken desk on its second day: a question unanswered, a call promised and broken, a refund proposed."""
    trace = "end of the next working day from Tue 09:10 → Wed 19:00"
    office = make.depot(session, phone="+34 924 000 111")
    make.depot(session, code="desk", name="SEUR, reclamaciones", phone="+34 910 000 222", email="mesa@seur.example",
               manager_email=None, hours="Mo-Fr 08:00-18:00; PH off", postcodes="")  # fmt: skip
    shipment = make.shipment(session, depot_id=office.id, weight_g=30_000, marketplace_eta=NOON + 9 * DAY)
    make.event(session, shipment, NOON - 6 * DAY, text="ADMITIDO", stage=Stage.ACCEPTED, location="Getafe")
    make.event(session, shipment, NOON - 5 * DAY, location="Mérida")
    opened = NOON - DAY - 3 * HOUR
    make.event(session, shipment, opened - HOUR / 4, text="DAÑO O PÉRDIDA", exception=ExceptionCode.DAMAGED_OR_LOST)
    incident = make.incident(session, shipment, now=opened)
    incidents.tell(session, incident, opened, SaidBy.CARRIER, "incident_opened", kind="damaged_or_lost", number="1")
    asked = make.promise(session, incident, NOON + 6 * HOUR, now=opened, action=Action.ANSWER,
                         beneficiary=Party.MERCHANT, due_source=DueSource.ASSUMED)  # fmt: skip
    incidents.tell(session, incident, opened, SaidBy.TRACKER, "promise_made", **closing.told(asked))
    incidents.tell(session, incident, opened, SaidBy.TRACKER, "notice_sent", topic="depot_question", to="depot:1")
    closing.move_remedy(session, incident, opened, make.JOB, NOON + 2 * DAY, "announced when opened", trace)
    details = contacts.ContactDetails(opened + 2 * HOUR, "phone", "Marta, línea nacional", "REF-8841",
                                      "¿dónde está el paquete?", "la delegación llamará al cliente")  # fmt: skip
    contacts.log_contact(session, tools, opened + 2 * HOUR, incident, details, STAFF)
    call = make.promise(session, incident, NOON - 2 * HOUR, now=opened + 2 * HOUR)
    closing.settle(
        session, call, NOON - HOUR, Actor(ActorKind.CUSTOMER), closing.Word.NOT_KEPT, evidence="the customer said no"
    )
    incidents.tell(session, incident, NOON - HOUR / 2, SaidBy.TRACKER, "reminded", level=1, to="depot")
    reason = "the depot says that it called, the customer says no: decide who is right"
    incidents.add_task(session, incident, TaskKind.DISPUTED, NOON, NOON + 3 * HOUR, reason)
    refunds.propose(session, tools, NOON, incident, STAFF)
    return incident


def busy_day(session, tools):
    """A queue with a bit of everything."""
    whole_case(session, tools)
    for hours, kind in ((-30, Kind.LOST), (-3, Kind.STALLED), (1, Kind.OVERDUE), (5, Kind.DAMAGED), (60, Kind.FOUND)):
        incident = trouble(session, kind=kind)
        make.promise(session, incident, NOON + hours * HOUR, now=NOON - 2 * DAY)
        if kind is Kind.LOST:
            refunds.propose(session, tools, NOON, incident, STAFF)
    make.promise(session, trouble(session, kind=Kind.UNDER_INVESTIGATION), NOON + 26 * HOUR,
                 action=Action.INVESTIGATE, performer=Party.DESK, beneficiary=Party.MERCHANT)  # fmt: skip
    chore(session, NOON - HOUR, shipment_id=make.shipment(session).id)
    chore(session, NOON + 2 * HOUR, shipment_id=make.shipment(session).id)
