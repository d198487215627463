"""The page of one incident, and how a form that was refused is shown on it again with everything that was typed."""

import re
from collections.abc import Mapping

from flask import Response, abort, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as Answer

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.store.views.ops.case import case as case_of
from tracker.web import errors
from tracker.web.db import now, tools
from tracker.web.language import gettext as _
from tracker.web.ops import members, sayings
from tracker.web.ops.blueprint import blueprint
from tracker.web.ops.forms import Filled
from tracker.web.ops.page import page
from tracker.web.ops.retold import retold

_FORM = re.compile(r"/ops/incidents/(?P<ref>[^/]+)/(?P<name>contact|promise|resolve|refunds)$")


@blueprint.get("/incidents/<ref>")
def show(ref: str) -> Answer:
    """Everything for a call on one screen."""
    return shown(ref)


@blueprint.get("/incidents/<ref>/<path:_rest>")
def back(ref: str, _rest: str) -> Answer:
    """The address of a form, opened as a page: to the incident."""
    return redirect(url_for("ops.show", ref=ref), 303)


def shown(ref: str, status: int = 200, filled: Filled | None = None) -> Answer:
    """The page, with a refused form as it was filled in."""
    with tools().store.read() as session:
        case = case_of(session, ref)
        if case is None:
            abort(404)
        said = page(case, tools(), now(), members.me())
    return Response(render_template("ops/incident.html", page=said, filled=filled, words=sayings), status)


def resumed(to: str, values: Mapping[str, str]) -> Answer | None:
    """The page with a form that was being sent when the session ended; None where it belongs to no form."""
    found = _FORM.fullmatch(to)
    if found is None:
        return None
    why = _("You were logged out in the meantime. Nothing is lost: please press again")
    return shown(found["ref"], filled=Filled(found["name"], values, why))


@blueprint.errorhandler(Refused)
@blueprint.errorhandler(IllegalMove)
def refused(error: Refused | IllegalMove) -> Answer:
    """What cannot be done is said on the page itself, beside the form."""
    moved = isinstance(error, IllegalMove)
    why = _("the case has moved on in the meantime, see how it stands now") if moved else retold(str(error))
    ref = (request.view_args or {}).get("ref")
    if ref is None:
        return errors.page(422, _("That cannot be done."), why, again=url_for("ops.queue"))
    found = _FORM.fullmatch(request.path)
    filled = Filled(found["name"] if found else "", request.form, why)
    return shown(ref, 409 if moved else 422, filled)
