"""What people do with tasks: say that one is done."""

from datetime import datetime

from sqlalchemy.orm import Session

from tracker.domain.refunds import State
from tracker.domain.refusals import Refused
from tracker.steps import base
from tracker.store import audit, incidents, refunds
from tracker.store.incidents import Incident, SaidBy, Task, TaskKind, TaskState


def finish(session: Session, now: datetime, task: Task, actor: audit.Actor) -> None:
    """Mark a task as done; a second click changes nothing.

    Refused for the approval of a refund that still waits for it: approving or cancelling is what ends that task.
    """
    session.refresh(task, with_for_update=True)
    if task.state is TaskState.DONE:
        return
    if task.kind is TaskKind.APPROVE and task.incident_id is not None:
        waiting = refunds.live_one(session, task.incident_id)
        if waiting is not None and waiting.state is State.REQUESTED:
            raise Refused("approve the refund or cancel it: that is what this task asks for")
    audit.change(session, task, now, actor, "task_done", state=TaskState.DONE, done_at=now)
    incident = session.get(Incident, task.incident_id) if task.incident_id is not None else None
    if incident is not None:
        incidents.tell(session, incident, now, SaidBy.STAFF, "task_done", kind=str(task.kind), reason=task.reason)
        base.next_due(session, incident)
