"""What stage, exception, kind and promise mean in the customer's plain words; msgids, translated when shown."""

from typing import Final

from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Kind, Outcome
from tracker.domain.promises import Action
from tracker.web.language import noted

STAGES: Final = {
    Stage.UNKNOWN: (
        noted("The carrier has not scanned your parcel yet."),
        noted("The shop has announced it. We keep asking the carrier and show the first scan here."),
    ),
    Stage.REGISTERED: (
        noted("Your parcel is being made ready."),
        noted("The carrier knows of it and waits to get it from the shop."),
    ),
    Stage.ACCEPTED: (noted("The carrier has your parcel."), noted("It has left the shop.")),
    Stage.IN_TRANSIT: (noted("Your parcel is on its way."), noted("It travels between the carrier's depots.")),
    Stage.CUSTOMS: (noted("Your parcel is at customs."), noted("Customs look at it before it may go on.")),
    Stage.AT_DELIVERY_DEPOT: (
        noted("Your parcel is at the depot near you."),
        noted("From there it goes out for delivery."),
    ),
    Stage.OUT_FOR_DELIVERY: (noted("Your parcel is out for delivery."), noted("The driver has it in the van.")),
    Stage.AT_PICKUP_POINT: (
        noted("Your parcel waits for you at the pickup point."),
        noted("Bring an identity document to collect it."),
    ),
    Stage.DELIVERED: (noted("Your parcel has been delivered."), ""),
    Stage.RETURNING: (noted("Your parcel is on its way back to the shop."), ""),
    Stage.RETURNED: (noted("Your parcel is back at the shop."), ""),
    Stage.ENDED_UNDELIVERED: (
        noted("The carrier has ended the delivery without handing the parcel over."),
        noted("The shop decides how it goes on."),
    ),
}
"""Where the parcel is: the large sentence and the small one below it, when nothing is wrong."""

TROUBLES: Final = {
    ExceptionCode.DAMAGED_OR_LOST: noted("The carrier reports damage or loss"),
    ExceptionCode.LOST: noted("The carrier reports the parcel as lost"),
    ExceptionCode.STOLEN: noted("The carrier reports the parcel as stolen"),
    ExceptionCode.DESTROYED: noted("The carrier reports the parcel as destroyed"),
    ExceptionCode.DAMAGED: noted("The carrier reports the parcel as damaged"),
    ExceptionCode.MISSING_PIECES: noted("The carrier misses a part of the shipment"),
    ExceptionCode.DAMAGED_DELIVERED: noted("Delivered damaged"),
    ExceptionCode.DELIVERED_NOT_RECEIVED: noted("Reported as delivered, but not received"),
    ExceptionCode.PRESUMED_LOST: noted("Counts as lost by law"),
    ExceptionCode.UNDER_INVESTIGATION: noted("The carrier is looking for the parcel"),
    ExceptionCode.SEIZED: noted("Held by the authorities"),
    ExceptionCode.SECURITY_HOLD: noted("Held for a security check"),
    ExceptionCode.CUSTOMS_HOLD: noted("Held by customs"),
    ExceptionCode.HELD_DOCUMENTS: noted("Held until documents are complete"),
    ExceptionCode.HELD_PAYMENT: noted("Held until a payment is made"),
    ExceptionCode.ADDRESS_PROBLEM: noted("The carrier has a problem with the address"),
    ExceptionCode.REFUSED: noted("The parcel was refused at the door"),
    ExceptionCode.UNCLAIMED: noted("Nobody has collected the parcel"),
    ExceptionCode.ATTEMPT_FAILED_ABSENT: noted("The driver came, but found nobody"),
    ExceptionCode.ATTEMPT_FAILED_CLOSED: noted("The driver came, but it was closed"),
    ExceptionCode.ATTEMPT_FAILED_ACCESS: noted("The driver could not get to the door"),
    ExceptionCode.ATTEMPT_FAILED_NO_TIME: noted("The driver ran out of time"),
    ExceptionCode.MISROUTED: noted("The parcel took a wrong turn and is being sent the right way"),
    ExceptionCode.DELAYED_CARRIER: noted("The carrier is late"),
    ExceptionCode.DELAYED_WEATHER: noted("Delayed by the weather"),
    ExceptionCode.DELAYED_OTHER: noted("Delayed"),
    ExceptionCode.STALLED: noted("Not scanned for some days"),
    ExceptionCode.OVERDUE: noted("Later than promised"),
    ExceptionCode.CONTRADICTION: noted("The carrier's reports contradict each other: we look into it"),
    ExceptionCode.TRACKING_ENDED: noted("The carrier reports nothing more about it: we ask"),
    ExceptionCode.CANCELLED: noted("The delivery was cancelled"),
    ExceptionCode.UNMAPPED: noted("News from the carrier that one of us is reading"),
}
"""What is wrong, as one line of the story; a normal scan has none."""

SCANS: Final = {
    Stage.UNKNOWN: noted("News from the carrier"),
    Stage.REGISTERED: noted("Announced to the carrier"),
    Stage.ACCEPTED: noted("Handed to the carrier"),
    Stage.IN_TRANSIT: noted("On the way"),
    Stage.CUSTOMS: noted("At customs"),
    Stage.AT_DELIVERY_DEPOT: noted("At the depot near you"),
    Stage.OUT_FOR_DELIVERY: noted("Out for delivery"),
    Stage.AT_PICKUP_POINT: noted("At the pickup point"),
    Stage.DELIVERED: noted("Delivered"),
    Stage.RETURNING: noted("On the way back to the shop"),
    Stage.RETURNED: noted("Back at the shop"),
    Stage.ENDED_UNDELIVERED: noted("Ended without delivery"),
}
"""A scan as one line of the story."""

DEPOT_SAID: Final = {
    ExceptionCode.NONE: noted("The depot has found the parcel"),
    ExceptionCode.DAMAGED: noted("The depot says: broken in transport"),
    ExceptionCode.LOST: noted("The depot says: lost"),
}
"""What the depot itself answered, as one line of the story."""

KINDS: Final = {
    Kind.DAMAGED_OR_LOST: (
        noted("Your parcel has been damaged or lost."),
        noted("The carrier reports it without saying which of the two. We have asked."),
    ),
    Kind.LOST: (noted("Your parcel has been lost."), noted("The carrier has reported it as lost.")),
    Kind.STOLEN: (noted("Your parcel has been stolen."), noted("The carrier has reported the theft.")),
    Kind.DESTROYED: (noted("Your parcel has been destroyed."), noted("The carrier has reported it.")),
    Kind.DAMAGED: (noted("Your parcel was broken on the way."), noted("The carrier has reported the damage.")),
    Kind.MISSING_PIECES: (
        noted("A part of your shipment is missing."),
        noted("The carrier has not found it at one of its depots. We have asked where it is."),
    ),
    Kind.DAMAGED_DELIVERED: (
        noted("Your parcel arrived damaged."),
        noted("One of us looks at it. Please keep the parcel and its box."),
    ),
    Kind.DELIVERED_NOT_RECEIVED: (
        noted("Reported as delivered, but you do not have it."),
        noted("One of us asks the carrier for the proof of delivery."),
    ),
    Kind.UNDER_INVESTIGATION: (
        noted("The carrier is looking for your parcel."),
        noted("We have asked for the result."),
    ),
    Kind.STALLED: (
        noted("Your parcel has not moved for some days."),
        noted("The carrier has not scanned it as it should. We have asked where it is."),
    ),
    Kind.OVERDUE: (noted("Your parcel is late."), noted("It should have been with you by now. We have asked why.")),
    Kind.FOUND: (noted("Your parcel has been found."), noted("It is on its way to you again.")),
}
"""An open incident: the large sentence and the small one below it."""

SUSPECTED: Final = (
    noted("The carrier cannot find your parcel at the moment."),
    noted("A scan may still turn it up. We have asked where it is."),
)
"""Instead of "lost", as long as a later scan may undo it."""

OUTCOMES: Final = {
    Outcome.DELIVERED: (noted("Your parcel has been delivered."), noted("The trouble on the way is settled.")),
    Outcome.REFUNDED: (noted("You have been refunded."), noted("Your bank may take some days to show the money.")),
    Outcome.RETURNED: (noted("Your parcel is back at the shop."), noted("The shop settles the rest with you.")),
}
"""How an incident ended; other ends are told by where the parcel is."""

DUTIES: Final = {
    Action.ANSWER: noted("Say whether your parcel is damaged or lost"),
    Action.CALL: noted("Call you"),
    Action.DELIVER: noted("Deliver your parcel"),
    Action.INVESTIGATE: noted("Look for your parcel and tell us the result"),
    Action.REFUND: noted("Ask for your refund"),
}
"""What is owed."""

KEPT: Final = {
    Action.ANSWER: noted("The carrier has answered our question"),
    Action.CALL: noted("You were called"),
    Action.DELIVER: noted("The promise to deliver was kept"),
    Action.INVESTIGATE: noted("The carrier has told us the result of its search"),
    Action.REFUND: noted("Your refund was asked for"),
}
BROKEN: Final = {
    Action.ANSWER: noted("The carrier has not answered in time. We have reminded it and go higher up"),
    Action.CALL: noted("The promised call did not come. We have reminded the carrier and go higher up"),
    Action.DELIVER: noted("The promised delivery did not come. We have reminded the carrier and go higher up"),
    Action.INVESTIGATE: noted("The carrier has not found it in time. We have reminded it and go higher up"),
    Action.REFUND: noted("Your refund is late. It stands first on our list"),
}
UNCONFIRMED: Final = noted("We do not know whether you were called. To be safe we have reminded the carrier")
"""What became of a promise, as one line of the story."""
