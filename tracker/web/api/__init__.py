"""The REST API: registering `blueprint` brings every view, its description and the page that shows it."""

from tracker.web.api import deeds, incidents, places, shipments
from tracker.web.api.routes import blueprint

__all__ = ["blueprint", "deeds", "incidents", "places", "shipments"]
