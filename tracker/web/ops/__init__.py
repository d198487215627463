"""The console of the merchant's staff: the queue by what is due next, and one incident whole."""

from tracker.web.ops import deeds, desk, doors, incident
from tracker.web.ops.blueprint import blueprint

__all__ = ["blueprint", "deeds", "desk", "doors", "incident"]
