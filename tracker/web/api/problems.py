"""Every error of the API as one problem document (RFC 9457) with one sentence in `detail`."""

import logging
from http import HTTPStatus

from apiflask import APIBlueprint, HTTPError
from flask import Response, json
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.steps.intake import Wrong
from tracker.store.wake import LeaseLost

log = logging.getLogger(__name__)


class Problem(Exception):
    """The request cannot be answered; `status` and one sentence say why."""

    def __init__(self, status: int, detail: str, field: str = "", **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field = status, detail, field
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(problem: Problem) -> Response:
    """The problem document; `errors` names the field where the sentence is about one."""
    told = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.field:
        told["errors"] = [{"field": problem.field, "detail": problem.detail}]
    body = json.dumps(told)
    return Response(body, problem.status, headers=problem.headers, mimetype="application/problem+json")


def register(blueprint: APIBlueprint) -> None:
    """Answer the errors that its views raise; what is nobody's fault is left to the application's last resort."""
    blueprint.register_error_handler(Problem, answer)
    blueprint.register_error_handler(HTTPError, _shape)
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(Refused, _refused)
    blueprint.register_error_handler(IllegalMove, _illegal)
    blueprint.register_error_handler(LeaseLost, _taken)


def _refused(error: Refused) -> Response:
    return answer(Problem(422, _sentence(str(error)), error.field if isinstance(error, Wrong) else ""))


def _illegal(error: IllegalMove) -> Response:
    return answer(Problem(409, _sentence(str(error))))


def _taken(_error: LeaseLost) -> Response:
    return answer(Problem(409, "The same request is being answered elsewhere.", Retry_After="5"))


def _http(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return answer(Problem(error.code or 500, error.description or error.name, **headers))


def _shape(error: HTTPError) -> Response:
    """The first field of the request that is not as it should be."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return answer(Problem(error.status_code, error.message or "The request is refused."))
    first = cause.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    said = {"missing": "is missing", "extra_forbidden": "is no field of this request"}
    reason = said.get(first["type"]) or f"is not accepted: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return answer(Problem(422, f"{name} {reason}.", name))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
