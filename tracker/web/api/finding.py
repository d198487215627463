"""The rows that a path names; what does not exist is a Problem with status 404."""

import re
from typing import TypeVar

from sqlalchemy.orm import Session

from tracker.store import incidents
from tracker.store.incidents import Incident
from tracker.web.api.problems import Problem

Row = TypeVar("Row")


def found(session: Session, model: type[Row], row_id: int) -> Row:
    """The row with that id."""
    return there(session.get(model, row_id) if row_id < 2**63 else None)


def incident_of(session: Session, ref: str) -> Incident:
    """The incident with that reference."""
    return there(incidents.by_ref(session, clean(ref)))


def held(session: Session, incident: Incident) -> Incident:
    """The incident, held until the transaction ends, as whoever held it before has left it."""
    session.refresh(incident, with_for_update=True)
    return incident


def clean(ref: str) -> str:
    """A reference that a database can be asked for."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,16}", ref):
        raise Problem(404, "There is nothing at this address.")
    return ref


def there(row: Row | None) -> Row:
    """The row, if there is one."""
    if row is None:
        raise Problem(404, "There is nothing at this address.")
    return row
