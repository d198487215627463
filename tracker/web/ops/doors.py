"""The ways into the console and out of it: password, one-time link, log-out; and the reader's language."""

from urllib.parse import urlsplit

from flask import Response, flash, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as Answer

from tracker.store.people import User
from tracker.web import errors
from tracker.web.db import now, tools
from tracker.web.language import LOCALES, speak
from tracker.web.language import gettext as _
from tracker.web.ops import access, incident, members
from tracker.web.ops.blueprint import blueprint


@blueprint.get("/login")
def login() -> str:
    """Address and password."""
    return render_template("ops/login.html", to=own_path(request.args.get("to", "")))


@blueprint.post("/login")
def enter() -> Answer:
    """Into the console, or one and the same answer for all that is wrong."""
    address, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        user = access.log_in(tools(), now(), address, password, request.remote_addr or "")
    except access.TooOften:
        return _again(429, _("Too many tries. Please wait a quarter of an hour."))
    if user is None:
        return _again(401, _("The address or the password is wrong."))
    return _inside(user)


def _again(status: int, why: str) -> Response:
    to, kept = own_path(request.form.get("to", "")), list(_kept().items())
    email = request.form.get("email", "")
    return Response(render_template("ops/login.html", to=to, kept=kept, email=email, why=why), status)


def _kept() -> dict[str, str]:
    """What was being sent when the session ended; the login form carries it along."""
    return {name.removeprefix("kept-"): value for name, value in request.form.items() if name.startswith("kept-")}


def _inside(user: User) -> Answer:
    kept = _kept()
    speak(members.enter(user).locale)
    to = own_path(request.form.get("to", ""))
    if kept and (shown := incident.resumed(to, kept)) is not None:
        return shown
    return redirect(to or url_for("ops.queue"), 303)


def own_path(told: str) -> str:
    """A path of the console, or nothing: a login never leads to another site."""
    parts = urlsplit(told) if told.isprintable() and "\\" not in told else urlsplit("")
    return told if not parts.scheme and not parts.netloc and parts.path.startswith("/ops/") else ""


@blueprint.get("/in/<told>")
def one_time(told: str) -> Answer:
    """Who would be let in by a one-time link; a press of the button does it, so that no mail scanner uses it up."""
    with tools().store.read() as session:
        user = access.invited(session, tools(), now(), told)
    if user is None:
        return _over()
    speak(user.locale)
    return Response(render_template("ops/once.html", user=user, told=told))


@blueprint.post("/in/<told>")
def use_one_time(told: str) -> Answer:
    """In by a one-time link, which ends with it."""
    user = access.use(tools(), now(), told)
    return _inside(user) if user is not None else _over()


def _over() -> Response:
    text = _("It works once and for a short time. Log in with your password, or ask for a new link.")
    return errors.page(410, _("This link has been used, or its time is over."), text, again=url_for("ops.login"))


@blueprint.post("/logout")
def logout() -> Answer:
    """Out, on every device."""
    access.log_out(tools(), members.me().token)
    members.leave()
    return redirect(url_for("ops.login"), 303)


@blueprint.post("/language")
def language() -> Answer:
    """Speak another language to this member of staff from now on."""
    chosen = request.form.get("locale", "")
    if chosen in LOCALES:
        with tools().store.begin() as session:
            session.get_one(User, members.me().id).locale = chosen
        speak(chosen)
        flash(_("The console speaks English now."))
    return redirect(own_path(request.form.get("to", "")) or url_for("ops.queue"), 303)
