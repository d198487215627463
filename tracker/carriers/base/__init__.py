"""The shape of a carrier, and what every carrier file is made of; no I/O in here.

How an answer travels: a step hands `carrier.ask(wanted, account)` to outside/http, which adds the bearer token that
`carrier.token(account)` asked for. The status and the body that come back go through `understand`, which parses the
body with the strict JSON reader given to it and calls `carrier.read(status, data, wanted)`. What comes out is a
`Reading`: the events of each number, and one sentence for each number that could not be read whole. A number in
neither is not known to the carrier. An answer that says nothing about any number raises a `CarrierError`.
"""

from tracker.carriers.base.answers import Candidate, instant, pick, plain, same, words
from tracker.carriers.base.codes import Codes, Meaning, load
from tracker.carriers.base.history import History, reading
from tracker.carriers.base.shape import (
    Account,
    Ask,
    AuthRefused,
    BadReply,
    Carrier,
    CarrierDown,
    CarrierError,
    Entry,
    NotKnown,
    OtherParcel,
    Reading,
    Throttled,
    Wanted,
    answered,
    refusal,
    told_refusal,
    understand,
)

__all__ = [
    "Account",
    "Ask",
    "AuthRefused",
    "BadReply",
    "Candidate",
    "Carrier",
    "CarrierDown",
    "CarrierError",
    "Codes",
    "Entry",
    "History",
    "Meaning",
    "NotKnown",
    "OtherParcel",
    "Reading",
    "Throttled",
    "Wanted",
    "answered",
    "instant",
    "load",
    "pick",
    "plain",
    "reading",
    "refusal",
    "same",
    "told_refusal",
    "understand",
    "words",
]
