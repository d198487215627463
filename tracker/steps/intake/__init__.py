"""Intake: shipments and depots come in, one by one or from a file."""

from tracker.steps.intake.bulk import import_shipments
from tracker.steps.intake.new import FIELDS, NewShipment, Wrong, read
from tracker.steps.intake.places import import_depots
from tracker.steps.intake.registering import enter, register
from tracker.steps.intake.sheet import BadRow, Report, check_text

__all__ = [
    "FIELDS",
    "BadRow",
    "NewShipment",
    "Report",
    "Wrong",
    "check_text",
    "enter",
    "import_depots",
    "import_shipments",
    "read",
    "register",
]
