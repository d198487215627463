"""The queue in words: each incident with what is due next, by whom and when."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tracker.domain.incidents import State
from tracker.domain.refunds import LIVE
from tracker.domain.refunds import State as Refund
from tracker.store.views.ops.loose import Loose
from tracker.store.views.ops.queue import MOST, Counts, Owed, Queue, Row, Show
from tracker.web.language import gettext as _
from tracker.web.ops import sayings
from tracker.web.ops.due import Due, due
from tracker.web.ops.retold import retold
from tracker.web.ops.story import deed


class Badge(NamedTuple):
    """A state in words, with its tone (bad, warn, good or plain)."""

    text: str
    tone: str


class Standing(NamedTuple):
    """What decides the next step of an incident, beside what is owed in it."""

    state: State
    next_due_at: datetime | None
    climbs: bool
    refund: Refund | None


class Item(NamedTuple):
    """One incident of the queue."""

    row: Row
    kind: str
    who: str
    what: str
    due: Due | None
    promise: Badge | None
    refund: Badge | None


class Chore(NamedTuple):
    """One task that hangs on no open incident."""

    task: Loose
    what: str
    reason: str
    due: Due


class Tab(NamedTuple):
    """One part of the queue, with how many there are."""

    show: Show
    name: str
    many: str


def items(found: Queue, now: datetime) -> list[Item]:
    """The rows of a page."""
    return [_item(row, found.owed[row.id], now) for row in found.rows]


def _item(row: Row, owed: Sequence[Owed], now: datetime) -> Item:
    standing = Standing(row.state, row.next_due_at, row.ladder_from is not None, row.refund_state)
    who, what = next_step(standing, owed)
    return Item(
        row,
        _(sayings.KINDS[row.kind]),
        who,
        what,
        due(row.next_due_at, now) if row.next_due_at is not None else None,
        Badge(*_badge(sayings.PROMISES[row.promise_state])) if row.promise_state is not None else None,
        Badge(*_badge(sayings.REFUNDS[row.refund_state])) if row.refund_state is not None else None,
    )


def _badge(said: tuple[str, str]) -> tuple[str, str]:
    return _(said[0]), said[1]


def next_step(now: Standing, owed: Sequence[Owed]) -> tuple[str, str]:
    """Who does what next: what is owed first, else the ladder's next rung or the refund on its way."""
    if now.state is not State.OPEN:
        return "", _("resolved")
    first = owed[0] if owed else None
    if first is not None and (now.next_due_at is None or first.due_at <= now.next_due_at):
        return _owed(first)
    if now.climbs:
        return _("Tracker"), _("remind, or go higher up")
    if now.refund in LIVE:
        return _("The payment service"), _("pay the refund")
    return _owed(first) if first is not None else (_("We"), _("decide how it goes on"))


def _owed(one: Owed) -> tuple[str, str]:
    if one.task is not None:
        return _("We"), _(sayings.TASKS[one.task])
    assert one.performer is not None
    assert one.action is not None
    assert one.beneficiary is not None
    return _(sayings.PARTIES[one.performer]), deed(one.action, one.beneficiary)


def chores(tasks: Sequence[Loose], now: datetime) -> list[Chore]:
    """Tasks that hang on no open incident."""
    return [Chore(task, _(sayings.TASKS[task.kind]), retold(task.reason), due(task.due_at, now)) for task in tasks]


def tabs(counts: Counts) -> list[Tab]:
    """The parts of the queue."""
    return [
        Tab(Show.ALL, _("All open"), counted(counts.all)),
        Tab(Show.OVERDUE, _("Overdue"), counted(counts.overdue)),
        Tab(Show.PERSON, _("Needs a person"), counted(counts.person)),
    ]


def counted(n: int) -> str:
    """A count; beyond the thousand it only says so."""
    return _("1,000+") if n > MOST else str(n)
