"""What is said to whom: the topics of notices, their recipients and when they are still wanted; data, no words."""

from enum import StrEnum
from typing import Final, NamedTuple


class Topic(StrEnum):
    """Every kind of notice."""

    CUSTOMER_OPENED = "customer_opened"
    CUSTOMER_ASKED = "customer_asked"
    CUSTOMER_FOUND = "customer_found"
    CUSTOMER_CHOICE = "customer_choice"
    CUSTOMER_LINK = "customer_link"
    CUSTOMER_REFUND_REQUESTED = "customer_refund_requested"
    CUSTOMER_REFUNDED = "customer_refunded"
    CUSTOMER_FOLLOWUP = "customer_followup"
    DEPOT_QUESTION = "depot_question"
    DEPOT_NUDGE = "depot_nudge"
    DEPOT_REMINDER = "depot_reminder"
    MANAGER_ESCALATION = "manager_escalation"
    DESK_ESCALATION = "desk_escalation"
    STAFF_APPROVAL = "staff_approval"
    STAFF_REAPPEARED = "staff_reappeared"
    STAFF_ALARM = "staff_alarm"


class Wanted(StrEnum):
    """Until when a notice makes sense."""

    ALWAYS = "always"
    WHILE_OPEN = "while_open"
    WHILE_PROMISED = "while_promised"
    """The promise it speaks of is open and still has the same version."""
    WHILE_ASKED = "while_asked"
    """The customer's word on the promise is still open: nobody but the depot has spoken."""
    WHILE_UNRESOLVED_LEVEL = "while_unresolved_level"
    """The incident is open, in the same episode, and its ladder still climbs."""
    WHILE_RESOLVED = "while_resolved"
    WHILE_REFUNDED = "while_refunded"
    """The refund it speaks of is neither failed nor cancelled."""


class Hours(StrEnum):
    """When a notice may be handed over."""

    ANY = "any"
    RECEIVER = "receiver"
    """In the receiver's own working hours."""
    CUSTOMER = "customer"
    """Between the policy's hours in the customer's zone."""


class Rule(NamedTuple):
    """What the outbox must know of a topic."""

    wanted: Wanted
    hours: Hours


RULES: Final = {
    Topic.CUSTOMER_OPENED: Rule(Wanted.WHILE_OPEN, Hours.ANY),
    Topic.CUSTOMER_ASKED: Rule(Wanted.WHILE_ASKED, Hours.CUSTOMER),
    Topic.CUSTOMER_FOUND: Rule(Wanted.WHILE_OPEN, Hours.ANY),
    Topic.CUSTOMER_CHOICE: Rule(Wanted.WHILE_OPEN, Hours.ANY),
    Topic.CUSTOMER_LINK: Rule(Wanted.ALWAYS, Hours.ANY),
    Topic.CUSTOMER_REFUND_REQUESTED: Rule(Wanted.WHILE_REFUNDED, Hours.ANY),
    Topic.CUSTOMER_REFUNDED: Rule(Wanted.WHILE_REFUNDED, Hours.ANY),
    Topic.CUSTOMER_FOLLOWUP: Rule(Wanted.WHILE_RESOLVED, Hours.CUSTOMER),
    Topic.DEPOT_QUESTION: Rule(Wanted.WHILE_PROMISED, Hours.RECEIVER),
    Topic.DEPOT_NUDGE: Rule(Wanted.WHILE_PROMISED, Hours.RECEIVER),
    Topic.DEPOT_REMINDER: Rule(Wanted.WHILE_UNRESOLVED_LEVEL, Hours.RECEIVER),
    Topic.MANAGER_ESCALATION: Rule(Wanted.WHILE_UNRESOLVED_LEVEL, Hours.RECEIVER),
    Topic.DESK_ESCALATION: Rule(Wanted.WHILE_UNRESOLVED_LEVEL, Hours.RECEIVER),
    Topic.STAFF_APPROVAL: Rule(Wanted.WHILE_OPEN, Hours.ANY),
    Topic.STAFF_REAPPEARED: Rule(Wanted.ALWAYS, Hours.ANY),
    Topic.STAFF_ALARM: Rule(Wanted.ALWAYS, Hours.ANY),
}
"""Receipts and the question two days later go on after resolution; everything of the ladder ends with it."""
