"""Refunds: asked for on their day, approved, sent once, and followed until the money has really moved."""

from tracker.steps.refunds.asking import ask_due
from tracker.steps.refunds.evidence import report
from tracker.steps.refunds.sending import send
from tracker.steps.refunds.verbs import approve, cancel, conclude, propose

__all__ = ["approve", "ask_due", "cancel", "conclude", "propose", "report", "send"]
