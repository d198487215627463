"""What the console calls things, by the words of the domain; the catalog holds the other languages."""

from typing import Final

from tracker.domain.incidents import Cause, Desired, Outcome
from tracker.domain.promises import Action, DueSource, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import State as Refund
from tracker.store.incidents import SaidBy, TaskKind
from tracker.web.depot.page import KINDS
from tracker.web.language import noted

__all__ = ["KINDS"]

PARTIES: Final = {
    Party.CUSTOMER: noted("Customer"),
    Party.MERCHANT: noted("We"),
    Party.DEPOT: noted("Depot"),
    Party.DESK: noted("The carrier's desk"),
    Party.CARRIER: noted("Carrier"),
}
ACTIONS: Final = {
    Action.ANSWER: noted("say whether it is damaged or lost"),
    Action.CALL: noted("call the customer"),
    Action.DELIVER: noted("deliver the parcel"),
    Action.INVESTIGATE: noted("look for the parcel and tell the result"),
    Action.REFUND: noted("ask for the refund"),
}
CALL_US: Final = noted("call us back")
TASKS: Final = {
    TaskKind.SOLUTION: noted("Tell the carrier what to do with the parcel"),
    TaskKind.CONTACT: noted("Reach the depot or desk yourself"),
    TaskKind.APPROVE: noted("Look at the refund: approve it, or cancel it"),
    TaskKind.DECIDE: noted("Decide how it goes on"),
    TaskKind.REFUND_SHEET: noted("Find out at the payment service what became of the refund"),
    TaskKind.REAPPEARED: noted("The parcel was scanned after its refund: decide"),
    TaskKind.DISPUTED: noted("Depot and customer say the opposite: decide"),
    TaskKind.MAPPING: noted("Say what an unknown code of the carrier means"),
    TaskKind.REFUND_STOPPED: noted("A refund was stopped: decide"),
}
PROMISES: Final = {
    Promised.MADE: (noted("open"), "plain"),
    Promised.ACKNOWLEDGED: (noted("acknowledged"), "plain"),
    Promised.KEPT: (noted("kept"), "good"),
    Promised.KEPT_LATE: (noted("kept late"), "warn"),
    Promised.BROKEN: (noted("broken"), "bad"),
    Promised.UNCONFIRMED: (noted("unconfirmed"), "warn"),
    Promised.DISPUTED: (noted("disputed"), "bad"),
    Promised.VOID: (noted("withdrawn"), "plain"),
}
"""The state of a promise and its tone."""
REFUNDS: Final = {
    Refund.REQUESTED: (noted("waits for approval"), "warn"),
    Refund.APPROVED: (noted("approved, goes out"), "plain"),
    Refund.SENDING: (noted("being sent"), "plain"),
    Refund.SUCCEEDED: (noted("paid"), "good"),
    Refund.PENDING: (noted("accepted, not yet paid"), "plain"),
    Refund.FAILED: (noted("failed"), "bad"),
    Refund.UNKNOWN: (noted("outcome not known yet"), "warn"),
    Refund.CANCELLED: (noted("cancelled"), "plain"),
    Refund.NEEDS_PERSON: (noted("a person must find out"), "bad"),
    Refund.SUCCEEDED_EXTERNALLY: (noted("paid, as a person found out"), "good"),
}
"""The state of a refund and its tone."""
SOURCES: Final = {
    DueSource.AGREED: noted("agreed"),
    DueSource.ASSUMED: noted("assumed"),
    DueSource.STATUTORY: noted("by law"),
}
OUTCOMES: Final = {
    Outcome.DELIVERED: noted("Delivered"),
    Outcome.REFUNDED: noted("Refunded"),
    Outcome.RETURNED: noted("Back at the shop"),
    Outcome.MOVING: noted("On its way again"),
    Outcome.WITHDRAWN: noted("Settled otherwise"),
}
CAUSES: Final = {Cause.BROKEN: noted("broken in transport"), Cause.LOST: noted("lost")}
WISHES: Final = {Desired.WAIT: noted("wait"), Desired.REFUND: noted("refund")}
VOICES: Final = {
    SaidBy.CARRIER: noted("Carrier"),
    SaidBy.DEPOT: noted("Depot"),
    SaidBy.CUSTOMER: noted("Customer"),
    SaidBy.STAFF: noted("Staff"),
    SaidBy.INFERRED: noted("Inferred"),
    SaidBy.TRACKER: noted("Tracker"),
}
"""Whose word an entry of the story is."""
CHANNELS: Final = {
    "phone": noted("Phone"),
    "mail": noted("Mail"),
    "portal": noted("Carrier's portal"),
    "chat": noted("Chat"),
    "visit": noted("In person"),
}
RECEIVERS: Final = {
    "customer": noted("the customer"),
    "depot": noted("the depot"),
    "manager": noted("the depot's manager"),
    "desk": noted("the carrier's desk"),
    "staff": noted("staff"),
}
"""Who was written to."""
TOPICS: Final = {
    "customer_opened": noted("what happened and what follows"),
    "customer_asked": noted("did they call?"),
    "customer_found": noted("the parcel was found"),
    "customer_choice": noted("the choice is noted"),
    "customer_link": noted("the link to the page"),
    "customer_refund_requested": noted("the refund is asked for"),
    "customer_refunded": noted("the refund is paid"),
    "customer_followup": noted("is all well?"),
    "depot_question": noted("the question"),
    "depot_nudge": noted("the date comes closer"),
    "depot_reminder": noted("reminder"),
    "manager_escalation": noted("a promise was broken"),
    "desk_escalation": noted("a promise was broken"),
    "staff_approval": noted("a refund waits for approval"),
    "staff_reappeared": noted("scanned after the refund"),
    "staff_alarm": noted("alarm"),
}
"""What a mail was about."""
