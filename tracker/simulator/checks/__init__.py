"""The checker: holds the tracker to its invariants by the world's own truth, after every tick and every letter."""

from tracker.simulator.checks.broken import Broken
from tracker.simulator.checks.watching import watch

__all__ = ["Broken", "watch"]
