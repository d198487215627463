"""What stage, exception, kind and promise mean in the customer's plain words; msgids, translated when shown."""

from typing import Final

from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Kind, Outcome
from tracker.domain.promises import Action
from tracker.web.language import noted as N_

STAGES: Final = {
    Stage.UNKNOWN: (
        N_("The carrier has not scanned your parcel yet."),
        N_("The shop has announced it. We keep asking the carrier and show the first scan here."),
    ),
    Stage.REGISTERED: (
        N_("Your parcel is being made ready."),
        N_("The carrier knows of it and waits to get it from the shop."),
    ),
    Stage.ACCEPTED: (N_("The carrier has your parcel."), N_("It has left the shop.")),
    Stage.IN_TRANSIT: (N_("Your parcel is on its way."), N_("It travels between the carrier's depots.")),
    Stage.CUSTOMS: (N_("Your parcel is at customs."), N_("Customs look at it before it may go on.")),
    Stage.AT_DELIVERY_DEPOT: (
        N_("Your parcel is at the depot near you."),
        N_("From there it goes out for delivery."),
    ),
    Stage.OUT_FOR_DELIVERY: (N_("Your parcel is out for delivery."), N_("The driver has it in the van.")),
    Stage.AT_PICKUP_POINT: (
        N_("Your parcel waits for you at the pickup point."),
        N_("Bring an identity document to collect it."),
    ),
    Stage.DELIVERED: (N_("Your parcel has been delivered."), ""),
    Stage.RETURNING: (N_("Your parcel is on its way back to the shop."), ""),
    Stage.RETURNED: (N_("Your parcel is back at the shop."), ""),
    Stage.ENDED_UNDELIVERED: (
        N_("The carrier has ended the delivery without handing the parcel over."),
        N_("The shop decides how it goes on."),
    ),
}
"""Where the parcel is: the large sentence and the small one below it, when nothing is wrong."""

TROUBLES: Final = {
    ExceptionCode.DAMAGED_OR_LOST: N_("The carrier reports damage or loss"),
    ExceptionCode.LOST: N_("The carrier reports the parcel as lost"),
    ExceptionCode.STOLEN: N_("The carrier reports the parcel as stolen"),
    ExceptionCode.DESTROYED: N_("The carrier reports the parcel as destroyed"),
    ExceptionCode.DAMAGED: N_("The carrier reports the parcel as damaged"),
    ExceptionCode.MISSING_PIECES: N_("The carrier misses a part of the shipment"),
    ExceptionCode.DAMAGED_DELIVERED: N_("Delivered damaged"),
    ExceptionCode.DELIVERED_NOT_RECEIVED: N_("Reported as delivered, but not received"),
    ExceptionCode.PRESUMED_LOST: N_("Counts as lost by law"),
    ExceptionCode.UNDER_INVESTIGATION: N_("The carrier is looking for the parcel"),
    ExceptionCode.SEIZED: N_("Held by the authorities"),
    ExceptionCode.SECURITY_HOLD: N_("Held for a security check"),
    ExceptionCode.CUSTOMS_HOLD: N_("Held by customs"),
    ExceptionCode.HELD_DOCUMENTS: N_("Held until documents are complete"),
    ExceptionCode.HELD_PAYMENT: N_("Held until a payment is made"),
    ExceptionCode.ADDRESS_PROBLEM: N_("The carrier has a problem with the address"),
    ExceptionCode.REFUSED: N_("The parcel was refused at the door"),
    ExceptionCode.UNCLAIMED: N_("Nobody has collected the parcel"),
    ExceptionCode.ATTEMPT_FAILED_ABSENT: N_("The driver came, but found nobody"),
    ExceptionCode.ATTEMPT_FAILED_CLOSED: N_("The driver came, but it was closed"),
    ExceptionCode.ATTEMPT_FAILED_ACCESS: N_("The driver could not get to the door"),
    ExceptionCode.ATTEMPT_FAILED_NO_TIME: N_("The driver ran out of time"),
    ExceptionCode.MISROUTED: N_("The parcel took a wrong turn and is being sent the right way"),
    ExceptionCode.DELAYED_CARRIER: N_("The carrier is late"),
    ExceptionCode.DELAYED_WEATHER: N_("Delayed by the weather"),
    ExceptionCode.DELAYED_OTHER: N_("Delayed"),
    ExceptionCode.STALLED: N_("Not scanned for some days"),
    ExceptionCode.OVERDUE: N_("Later than promised"),
    ExceptionCode.CONTRADICTION: N_("The carrier's reports contradict each other: we look into it"),
    ExceptionCode.TRACKING_ENDED: N_("The carrier reports nothing more about it: we ask"),
    ExceptionCode.CANCELLED: N_("The delivery was cancelled"),
    ExceptionCode.UNMAPPED: N_("News from the carrier that one of us is reading"),
}
"""What is wrong, as one line of the story; a normal scan has none."""

SCANS: Final = {
    Stage.UNKNOWN: N_("News from the carrier"),
    Stage.REGISTERED: N_("Announced to the carrier"),
    Stage.ACCEPTED: N_("Handed to the carrier"),
    Stage.IN_TRANSIT: N_("On the way"),
    Stage.CUSTOMS: N_("At customs"),
    Stage.AT_DELIVERY_DEPOT: N_("At the depot near you"),
    Stage.OUT_FOR_DELIVERY: N_("Out for delivery"),
    Stage.AT_PICKUP_POINT: N_("At the pickup point"),
    Stage.DELIVERED: N_("Delivered"),
    Stage.RETURNING: N_("On the way back to the shop"),
    Stage.RETURNED: N_("Back at the shop"),
    Stage.ENDED_UNDELIVERED: N_("Ended without delivery"),
}
"""A scan as one line of the story."""

DEPOT_SAID: Final = {
    ExceptionCode.NONE: N_("The depot has found the parcel"),
    ExceptionCode.DAMAGED: N_("The depot says: broken in transport"),
    ExceptionCode.LOST: N_("The depot says: lost"),
}
"""What the depot itself answered, as one line of the story."""

KINDS: Final = {
    Kind.DAMAGED_OR_LOST: (
        N_("Your parcel has been damaged or lost."),
        N_("The carrier reports it without saying which of the two. We have asked."),
    ),
    Kind.LOST: (N_("Your parcel has been lost."), N_("The carrier has reported it as lost.")),
    Kind.STOLEN: (N_("Your parcel has been stolen."), N_("The carrier has reported the theft.")),
    Kind.DESTROYED: (N_("Your parcel has been destroyed."), N_("The carrier has reported it.")),
    Kind.DAMAGED: (N_("Your parcel was broken on the way."), N_("The carrier has reported the damage.")),
    Kind.MISSING_PIECES: (
        N_("A part of your shipment is missing."),
        N_("The carrier has not found it at one of its depots. We have asked where it is."),
    ),
    Kind.DAMAGED_DELIVERED: (
        N_("Your parcel arrived damaged."),
        N_("One of us looks at it. Please keep the parcel and its box."),
    ),
    Kind.DELIVERED_NOT_RECEIVED: (
        N_("Reported as delivered, but you do not have it."),
        N_("One of us asks the carrier for the proof of delivery."),
    ),
    Kind.UNDER_INVESTIGATION: (N_("The carrier is looking for your parcel."), N_("We have asked for the result.")),
    Kind.STALLED: (
        N_("Your parcel has not moved for some days."),
        N_("The carrier has not scanned it as it should. We have asked where it is."),
    ),
    Kind.OVERDUE: (N_("Your parcel is late."), N_("It should have been with you by now. We have asked why.")),
    Kind.FOUND: (N_("Your parcel has been found."), N_("It is on its way to you again.")),
}
"""An open incident: the large sentence and the small one below it."""

SUSPECTED: Final = (
    N_("The carrier cannot find your parcel at the moment."),
    N_("A scan may still turn it up. We have asked where it is."),
)
"""Instead of "lost", as long as a later scan may undo it."""

OUTCOMES: Final = {
    Outcome.DELIVERED: (N_("Your parcel has been delivered."), N_("The trouble on the way is settled.")),
    Outcome.REFUNDED: (N_("You have been refunded."), N_("Your bank may take some days to show the money.")),
    Outcome.RETURNED: (N_("Your parcel is back at the shop."), N_("The shop settles the rest with you.")),
}
"""How an incident ended; other ends are told by where the parcel is."""

DUTIES: Final = {
    Action.ANSWER: N_("Say whether your parcel is damaged or lost"),
    Action.CALL: N_("Call you"),
    Action.DELIVER: N_("Deliver your parcel"),
    Action.INVESTIGATE: N_("Look for your parcel and tell us the result"),
    Action.REFUND: N_("Ask for your refund"),
}
"""What is owed."""

KEPT: Final = {
    Action.ANSWER: N_("The carrier has answered our question"),
    Action.CALL: N_("You were called"),
    Action.DELIVER: N_("The promise to deliver was kept"),
    Action.INVESTIGATE: N_("The carrier has told us the result of its search"),
    Action.REFUND: N_("Your refund was asked for"),
}
BROKEN: Final = {
    Action.ANSWER: N_("The carrier has not answered in time. We have reminded it and go higher up"),
    Action.CALL: N_("The promised call did not come. We have reminded the carrier and go higher up"),
    Action.DELIVER: N_("The promised delivery did not come. We have reminded the carrier and go higher up"),
    Action.INVESTIGATE: N_("The carrier has not found it in time. We have reminded it and go higher up"),
    Action.REFUND: N_("Your refund is late. It stands first on our list"),
}
UNCONFIRMED: Final = N_("We do not know whether you were called. To be safe we have reminded the carrier")
"""What became of a promise, as one line of the story."""
