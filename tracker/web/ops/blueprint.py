"""The console's blueprint: nobody comes past it without a login."""

from apiflask import APIBlueprint
from flask import Response, abort, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as Answer

from tracker.web.language import speak
from tracker.web.ops import members

blueprint = APIBlueprint("ops", __name__, url_prefix="/ops", enable_openapi=False)
DOORS = frozenset({"ops.login", "ops.enter", "ops.one_time", "ops.use_one_time"})
"""What is open to everybody: the ways in."""


@blueprint.record_once
def _with_logins(state: object) -> None:
    members.register(state.app)  # type: ignore[attr-defined]  # Flask's BlueprintSetupState


@blueprint.before_request
def admit() -> Answer | None:
    """Let staff through; others come to the login, and what they were sending is kept for them."""
    if any("\x00" in told for told in (request.path, *request.args.values(), *request.form.values())):
        abort(400)
    if request.endpoint in DOORS:
        return None
    member = members.present()
    if member is not None:
        speak(member.locale)
        return None
    if request.method == "POST":
        kept = [(name, value) for name, value in request.form.items() if name != "csrf_token"]
        return Response(render_template("ops/login.html", to=request.path, kept=kept, ended=True), 401)
    return redirect(url_for("ops.login", to=request.full_path.rstrip("?")), 303)
