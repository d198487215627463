"""What guards every route: strict headers, CSRF tokens, where a request comes from, and logs without tokens."""

import logging
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from flask import Flask, Response, abort, request
from flask_wtf.csrf import CSRFProtect

_NOBODY: Final = ("default-src", "object-src", "base-uri", "frame-ancestors")
_OURSELVES: Final = ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action")
CSP: Final = "; ".join([*(f"{what} 'none'" for what in _NOBODY), *(f"{what} 'self'" for what in _OURSELVES)])
"""Nothing inline, nothing from elsewhere."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}
"""On every answer; a view that needs another value sets it itself (OWASP ASVS 5.0, 3.4)."""
HSTS: Final = "max-age=31536000; includeSubDomains"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
COOKIELESS: Final = ("/api/", "/hooks/")
"""Here no cookie counts (bearer keys, signatures), so nothing can be forged with one."""
LONGEST_BODY: Final = 2 * 1024 * 1024
PAGE_OPEN: Final = 12 * 60 * 60
"""How long, in seconds, a page may stay open before its form is refused: a clerk's shift."""
LOGGERS: Final = ("werkzeug", "gunicorn.access", "gunicorn.error", "tracker.web.errors")
_TOKEN: Final = re.compile(r"/(p|d|ops/in)/([^/\s?#\"'\]]+)")


def protect(app: Flask, base_url: str) -> CSRFProtect:
    """Guard the application; the blueprints that take no cookie must be exempted from the object that comes back."""
    https = base_url.startswith("https://")
    app.config.update(
        SESSION_COOKIE_NAME="__Host-tracker" if https else "tracker",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        WTF_CSRF_TIME_LIMIT=PAGE_OPEN,
        WTF_CSRF_SSL_STRICT=False,  # it wants the Referer that our own policy suppresses; Sec-Fetch-Site stands in
    )
    app.before_request(_refuse_other_sites)
    app.after_request(lambda response: _with_headers(response, https=https))
    for logger in (app.logger, *map(logging.getLogger, LOGGERS)):
        logger.addFilter(mask_tokens)
    return CSRFProtect(app)


def _refuse_other_sites() -> None:
    """An unsafe request that a browser sends from another site is refused; what sends no such header is no browser."""
    if request.method in SAFE or request.path.startswith(COOKIELESS):
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)


def _with_headers(response: Response, *, https: bool) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if https:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if not (request.endpoint or "").endswith("static") or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
    return response


def masked(text: str) -> str:
    """A line for the log in which the token of a link is replaced by the start of its hash."""
    return _TOKEN.sub(lambda found: f"/{found[1]}/<{sha256(found[2].encode()).hexdigest()[:8]}>", text)


def mask_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens out of a log record; every record may pass."""
    record.msg, record.args = masked(record.getMessage()), None
    return True
