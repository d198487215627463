"""Intake: shipments and depots come in, one by one or from a file."""

from tracker.steps.intake.bulk import carrier_of, import_shipments
from tracker.steps.intake.new import FIELDS, NewShipment, Wrong, amount, email, instant, read
from tracker.steps.intake.places import import_depots
from tracker.steps.intake.registering import enter, register
from tracker.steps.intake.sheet import BadRow, Report, check_text

__all__ = [
    "FIELDS",
    "BadRow",
    "NewShipment",
    "Report",
    "Wrong",
    "amount",
    "carrier_of",
    "check_text",
    "email",
    "enter",
    "import_depots",
    "import_shipments",
    "instant",
    "read",
    "register",
]
