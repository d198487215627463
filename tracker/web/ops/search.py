"""What a search found, in words."""

from collections.abc import Sequence
from typing import NamedTuple

from tracker.domain.incidents import State
from tracker.store.views.ops.search import Hit
from tracker.web.customer.sayings import SCANS
from tracker.web.language import gettext as _
from tracker.web.ops import sayings
from tracker.web.ops.rows import Badge


class Found(NamedTuple):
    """A parcel that was found: where it is and, if it has or had one, its incident."""

    hit: Hit
    stage: str
    kind: str
    state: Badge


def hits(found: Sequence[Hit]) -> list[Found]:
    """Every hit in words."""
    return [
        Found(hit, _(SCANS[hit.stage]), _(sayings.KINDS[hit.kind]) if hit.kind else "", _state(hit)) for hit in found
    ]


def _state(hit: Hit) -> Badge:
    if hit.state is None:
        return Badge(_("no incident"), "good")
    return Badge(_("open"), "warn") if hit.state is State.OPEN else Badge(_("resolved"), "plain")
