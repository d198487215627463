"""The queue, the loose tasks and the search: what an agent sees first."""

from datetime import UTC, datetime

from flask import abort, flash, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as Answer

from tracker.steps import tasks
from tracker.store.incidents import Task
from tracker.store.views.ops import queue as view
from tracker.store.views.ops.loose import loose_after
from tracker.store.views.ops.marks import Mark
from tracker.store.views.ops.queue import Show
from tracker.store.views.ops.search import search as found_by
from tracker.web.db import now, tools
from tracker.web.language import gettext as _
from tracker.web.ops import members, rows
from tracker.web.ops.blueprint import blueprint
from tracker.web.ops.search import hits


@blueprint.get("/")
def queue() -> str:
    """Open incidents by what is due next, and tasks that hang on none of them."""
    show, at = _show(), now()
    with tools().store.read() as session:
        found = view.queue(session, at, show, _mark())
    return render_template(
        "ops/queue.html",
        items=rows.items(found, at),
        tabs=rows.tabs(found.counts),
        show=show,
        after=_told(found.after),
        first=_mark() is None,
        chores=rows.chores(found.loose, at),
        chores_many=rows.counted(found.counts.loose),
        more_chores=found.counts.loose > len(found.loose),
    )


@blueprint.get("/tasks")
def loose() -> str:
    """Every task that hangs on no open incident."""
    with tools().store.read() as session:
        found, after = loose_after(session, _mark())
    return render_template("ops/tasks.html", chores=rows.chores(found, now()), after=_told(after))


@blueprint.post("/tasks/<int:task_id>/done")
def done(task_id: int) -> Answer:
    """A loose task is done."""
    with tools().store.begin() as session:
        task = session.get(Task, task_id)
        if task is None:
            abort(404)
        tasks.finish(session, now(), task, members.me().actor)
    flash(_("Noted: the task is done."))
    return redirect(url_for("ops.queue"), 303)


@blueprint.get("/search")
def search() -> Answer | str:
    """Parcels by number, order or reference; a single incident is shown at once."""
    words = " ".join(request.args.get("q", "").split())[:64]
    found = []
    if words:
        with tools().store.read() as session:
            found = list(found_by(session, words))
    if len(found) == 1 and found[0].ref is not None:
        return redirect(url_for("ops.show", ref=found[0].ref), 303)
    return render_template("ops/search.html", words=words, hits=hits(found))


def _show() -> Show:
    try:
        return Show(request.args.get("show", Show.ALL))
    except ValueError:
        abort(404)


def _mark() -> Mark | None:
    """Where the page before ended: `after=<id>` or `after=<microseconds since 1970>.<id>`."""
    told = request.args.get("after", "")
    if not told:
        return None
    at, _dot, last = told.rpartition(".")
    if not (last.isascii() and last.isdigit() and len(last) < 19 and (not at or (at.isascii() and at.isdigit()))):
        abort(404)
    try:
        return Mark(datetime.fromtimestamp(int(at) / 1_000_000, UTC) if at else None, int(last))
    except (ValueError, OverflowError, OSError):
        abort(404)


def _told(mark: Mark | None) -> str | None:
    if mark is None:
        return None
    at = f"{round(mark.due_at.timestamp() * 1_000_000)}." if mark.due_at is not None else ""
    return f"{at}{mark.id}"
