"""The outbox: notices become letters and are handed over, once in effect."""

from tracker.steps.outbox.letters import wanted
from tracker.steps.outbox.sending import PATIENCE, hand_over

__all__ = ["PATIENCE", "hand_over", "wanted"]
