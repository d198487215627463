"""The blueprint that every view of the API hangs on: what guards, tells errors and describes them."""

from apiflask import APIBlueprint

from tracker.web.api import guard, problems
from tracker.web.api.description import describe

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")
blueprint.before_request(guard.admit)
problems.register(blueprint)
blueprint.record_once(describe)
