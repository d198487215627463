"""The one loop over due rows: lease a batch, act on each row in a transaction of its own, finish or back off."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.notices import Topic
from tracker.store import outbox
from tracker.store.base import Store
from tracker.store.incidents import Incident
from tracker.store.shipments import Shipment
from tracker.store.wake import Leased, LeaseLost, fail, finish, lease

Row = TypeVar("Row")
log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What a step did: how many rows, and the sentences about those that failed."""

    done: int = 0
    errors: list[str] = field(default_factory=list)


def each(
    store: Store,
    model: type[Row],
    act: Callable[[Session, Row], datetime | None],
    now: datetime,
    *,
    where: Sequence[sa.ColumnElement[bool]] = (),
    limit: int = 20,
    owner: str = "worker",
) -> Tally:
    """Run `act` on every row of `model` that is due; it returns the row's next `wake_at`, or None for no more.

    A row that fails is tried again later and later and parked after five tries with an alarm; the others go on.
    """
    tally = Tally()
    with store.begin() as session:
        leases = lease(session, model, now, store.lease_now(session), owner=owner, limit=limit, where=where)
    for leased in leases:
        try:
            with store.begin() as session:
                _turn(session, model, leased, act)
            tally.done += 1
        except LeaseLost:
            log.info("another worker has %s %s", model.__name__, leased.id)
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the others; it is kept and parked
            tally.errors.append(set_back(store, model, leased, now, error))
    return tally


def _turn(session: Session, model: type[Any], leased: Leased, act: Callable[[Session, Any], datetime | None]) -> None:
    """Hand the row back first: that proves the lease and locks the row, so `act` may even wake or quiet it itself."""
    _hold(session, model, leased.id)
    finish(session, model, leased, None)
    wake_at = act(session, session.get_one(model, leased.id))
    if wake_at is not None:
        session.flush()
        session.execute(
            sa.update(model)
            .where(model.id == leased.id)
            .values(wake_at=wake_at)
            .execution_options(synchronize_session=False)
        )


def _is_alarm(session: Session, model: type[Any], row_id: int) -> bool:
    """An alarm that cannot be told must not cause another."""
    return model is outbox.Notice and session.get_one(outbox.Notice, row_id).topic is Topic.STAFF_ALARM


def _hold(session: Session, model: type[Any], row_id: int) -> None:
    """Lock what the row hangs on before the row itself, in the order that `incidents.hold` tells."""
    for parent, column in ((Shipment, "shipment_id"), (Incident, "incident_id")):
        if parent is not model and (above := getattr(model, column, None)) is not None:
            its_id = sa.select(above).where(model.id == row_id).scalar_subquery()
            session.execute(sa.select(parent.id).where(parent.id == its_id).with_for_update(key_share=True))


def set_back(store: Store, model: type[Any], leased: Leased, now: datetime, error: Exception) -> str:
    """Give a row back after an error and raise the alarm when it is parked; returns the sentence about it."""
    sentence = f"{model.__tablename__} {leased.id}: {type(error).__name__}: {error}"
    log.warning(sentence, exc_info=error)
    try:
        with store.begin() as session:
            if fail(session, model, leased, now, sentence) and not _is_alarm(session, model, leased.id):
                outbox.alarm(session, f"parked:{model.__tablename__}:{leased.id}:{leased.token}", now, sentence)
    except LeaseLost:
        log.info("another worker has %s %s", model.__name__, leased.id)
    return sentence
