"""What went wrong becomes an answer here and nowhere else: a page for people, a problem document for programs."""

import logging
from hashlib import sha256

from flask import Flask, Response, json, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.web.db import now
from tracker.web.language import gettext as _
from tracker.web.security import COOKIELESS

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(IllegalMove, _illegal)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, title: str, detail: str = "") -> Response:
    """An `application/problem+json` answer (RFC 9457)."""
    told = {"type": "about:blank", "title": title, "status": status, **({"detail": detail} if detail else {})}
    return Response(json.dumps(told), status, mimetype="application/problem+json")


def page(status: int, title: str, text: str, *, again: str | None = None, where: str | None = None) -> Response:
    """A page that says what is wrong and how to go on; `again` leads back to a page, `where` says so on the button."""
    html = render_template("error.html", status=status, title=title, text=text, again=again, where=where)
    return Response(html, status)


def _answer(status: int, title: str, text: str, *, again: str | None = None) -> Response:
    if request.path.startswith(COOKIELESS):
        return problem(status, title, text)
    return page(status, title, text, again=again)


def _stale(_error: CSRFError) -> Response:
    return _answer(
        400,
        _("That did not reach us."),
        _(
            "The page was open for too long, or cookies are blocked. "
            "Nothing was changed: open the page and press again."
        ),
        again=request.path,
    )


def _http(error: HTTPException) -> HTTPException | Response:
    if error.code is None or error.code < 400 or error.response is not None:
        return error
    for_programs = request.path.startswith(COOKIELESS)
    title, text = (error.name, error.description or error.name) if for_programs else _told(error.code)
    answer = _answer(error.code, title, text)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            answer.headers[name] = value
    return answer


def _told(code: int) -> tuple[str, str]:
    if code == 404:
        return _("There is nothing here."), _("The address is mistyped, or the page has moved.")
    if code == 403:
        return _("This is not yours to do."), _("Open the page itself and try again there.")
    if code == 405:
        return _("This cannot be done here."), _("Open the page itself and try again there.")
    if code == 413:
        return _("That is too much at once."), _("Send less, or in several parts.")
    if code == 429:
        return _("That was too often."), _("Please wait a while and try again.")
    if code >= 500:
        return _("Something went wrong on our side."), _("Nothing was changed. Please try again in a minute.")
    return _("That could not be understood."), _("Open the page itself and try again there.")


def _refused(error: Refused) -> Response:
    return _answer(422, _("That cannot be done."), _(str(error)), again=request.path)


def _illegal(_error: IllegalMove) -> Response:
    text = _("The case has moved on in the meantime. Open the page to see how it stands.")
    return _answer(409, _("That cannot be done any more."), text, again=request.path)


def _database(error: OperationalError) -> Response:
    answer = _unexpected(error, 503)
    answer.headers["Retry-After"] = "60"
    return answer


def _unexpected(error: Exception, status: int = 500) -> Response:
    """The last resort: the log keeps the whole error under a reference, the reader gets the reference."""
    ref = sha256(f"{now().isoformat()}{request.path}".encode()).hexdigest()[:8]
    log.error("%s %s failed [%s]", request.method, request.path, ref, exc_info=error)
    title, text = _told(status)
    reference = _("Reference: %(ref)s", ref=ref)
    return _answer(status, title, f"{text} {reference}")
