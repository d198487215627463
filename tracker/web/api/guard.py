"""What every request to the API must bring: a key, a body within bounds, JSON without tricks, no parameter twice."""

from typing import Any, Final

from flask import g, request

from tracker.outside import strict_json
from tracker.store import keys
from tracker.store.audit import Actor, ActorKind
from tracker.web import db
from tracker.web.api.problems import Problem

LARGEST_BODY: Final = 1024 * 1024
BODYLESS: Final = frozenset({"propose", "approve", "cancel", "kept", "broken"})
"""Views whose request may come without a body: nothing in theirs is required."""


class StrictJson:
    """What Flask reads the body with."""

    @staticmethod
    def loads(body: bytes) -> Any:
        """The object in the body, an empty one for no body at all.  Raises Problem for anything else."""
        if not body:
            return {}
        try:
            value = strict_json.loads(body, unique_keys=True)
        except ValueError as error:
            raise Problem(400, f"The body is not JSON that is accepted here: {error}.") from None
        if not isinstance(value, dict):
            raise Problem(400, "The body must be a JSON object.")
        return value


def admit() -> None:
    """Let the request in, or raise the Problem that keeps it out."""
    _know_key()
    for name in request.args:
        if len(request.args.getlist(name)) > 1:
            raise Problem(400, f"The parameter {name[:40]} is given twice.", name[:40])
    if request.method == "POST":
        _check_body()


def actor() -> Actor:
    """The key's owner, as whom the request acts."""
    return Actor(ActorKind.API, g.api_key.name, "api")


def _know_key() -> None:
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and told:
        with db.tools().store.read() as session:
            g.api_key = keys.find(session, told.strip())
        if g.api_key is not None:
            return
    raise Problem(401, "An API key is needed: Authorization: Bearer KEY.", WWW_Authenticate='Bearer realm="tracker"')


def _check_body() -> None:
    request.max_content_length = LARGEST_BODY
    request.json_module = StrictJson
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "A compressed body is not accepted here.")
    body = request.get_data()
    bodyless = (request.endpoint or "").rpartition(".")[2] in BODYLESS
    if not body and not bodyless:
        raise Problem(400, "The request needs a JSON object as its body.")
    if body and not request.is_json:
        raise Problem(415, "The body must be sent as Content-Type: application/json.")
