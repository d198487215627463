"""What others push to us: reports of payment providers, signed, taken in before they are acknowledged."""

from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from tracker.outside import webhooks
from tracker.outside.refund_providers.webhook import BadReport, Webhook
from tracker.steps import refunds
from tracker.store.audit import Actor, ActorKind
from tracker.web.db import now, tools
from tracker.web.errors import problem

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")
ENDPOINT: Final = "refunds"
"""The endpoint id of the one merchant."""
LONGEST: Final = 1024 * 1024


@blueprint.post("/<provider>/<endpoint>")
def receive(provider: str, endpoint: str) -> Response:
    """A provider says what became of a refund; 204 means that it is stored, however often it comes."""
    known = tools().providers.get(provider)
    if not isinstance(known, Webhook) or endpoint != ENDPOINT:
        return problem(404, "There is no such endpoint.")
    if request.content_encoding:
        return problem(415, "Send the body as it is, without Content-Encoding.")
    try:
        request.max_content_length = LONGEST
        body = request.get_data()
    except RequestEntityTooLarge:
        return problem(413, "A report is no longer than one megabyte.")
    return _believed(known, body)


def _believed(provider: Webhook, body: bytes) -> Response:
    try:
        report = provider.receive(dict(request.headers), body, now())
    except webhooks.BadSignature:
        return problem(401, "The signature does not fit.")
    except BadReport as error:
        return problem(422, "The report cannot be read.", str(error))
    with tools().store.begin() as session:
        actor = Actor(ActorKind.PROVIDER, provider.name, f"callback {report.message_id}"[:64])
        refunds.report(session, tools(), now(), report.refund_id, report.outcome, actor)
    return Response(status=204)
