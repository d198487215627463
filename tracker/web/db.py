"""What a view may ask the application for: the tools and the present instant."""

from datetime import datetime
from typing import cast

from flask import current_app

from tracker.clock import Clock
from tracker.steps import Tools

TOOLS = "tracker"
CLOCK = "tracker.clock"


def tools() -> Tools:
    """The database, the ways to the outside and the merchant's settings."""
    return cast(Tools, current_app.extensions[TOOLS])


def now() -> datetime:
    """The present instant by the application's clock, aware, in UTC."""
    return cast(Clock, current_app.extensions[CLOCK])()
