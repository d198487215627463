"""The depot's routes: a GET shows what is asked, a POST answers it; the same answer twice is one answer."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.steps.answers import DepotAnswer, depot_says
from tracker.store.audit import Actor, ActorKind
from tracker.store.depots import Depot
from tracker.store.views import depot as view
from tracker.web import errors
from tracker.web.db import now, tools
from tracker.web.depot.page import page, zone_of
from tracker.web.language import gettext as _
from tracker.web.language import speak

blueprint = Blueprint("depot", __name__)


@blueprint.get("/d/<token>")
def show(token: str) -> Answer:
    """What is asked about one parcel, and what was answered so far."""
    return _shown(token)


@blueprint.post("/d/<token>")
def answer(token: str) -> Answer:
    """One answer; afterwards the page shows which one counts and since when."""
    with tools().store.begin() as session:
        asked = view.asked(session, token, now())
        if asked is None:
            abort(404)
        if isinstance(asked, view.Ended):
            return _ended(asked)
        _speak(asked.depot)
        actor = Actor(ActorKind.DEPOT, str(asked.link.depot_id or ""), "link")
        at = _time(zone_of(asked, tools()))
        depot_says(session, tools(), now(), asked.incident, _answer(), at, actor, asked.depot)
    return redirect(url_for("depot.show", token=token, _anchor="said"), 303)


@blueprint.errorhandler(404)
def gone(_error: Exception) -> Response:
    """A link that nobody knows."""
    return errors.page(
        404,
        _("This link does not work."),
        _("It was mistyped or cut off. Please use the link in our newest mail, or answer that mail."),
    )


@blueprint.errorhandler(Refused)
@blueprint.errorhandler(IllegalMove)
def refused(error: Refused | IllegalMove) -> Answer:
    """What cannot be done is said on the page itself."""
    token = (request.view_args or {}).get("token", "")
    return _shown(token, 422, refused=_(str(error)))


def _shown(token: str, status: int = 200, **told: str) -> Answer:
    with tools().store.read() as session:
        asked = view.asked(session, token, now())
    if asked is None:
        abort(404)
    if isinstance(asked, view.Ended):
        return _ended(asked)
    _speak(asked.depot)
    return Response(render_template("depot/parcel.html", page=page(asked, tools(), now()), **told), status)


def _ended(ended: view.Ended) -> Response:
    _speak(ended.depot)
    if ended.settled:
        return errors.page(410, _("Thank you, this case is settled."), _("Nothing more is needed from you."))
    return errors.page(
        410,
        _("This link has done its time."),
        _("Our newest mail about this parcel has a link that works. You can also answer that mail."),
    )


def _speak(depot: Depot | None) -> None:
    if depot is not None:
        speak(depot.language)


def _answer() -> DepotAnswer:
    try:
        return DepotAnswer(request.form.get("answer", ""))
    except ValueError:
        raise Refused("choose one of the answers") from None


def _time(zone: str) -> datetime | None:
    """The time in the form, as the depot's clocks show it; None where none was given."""
    told = request.form.get("at", "")
    if not told:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise Refused("say at what time") from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
