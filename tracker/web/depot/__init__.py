"""The depot's face: one link, one parcel, an answer in ten seconds."""

from tracker.web.depot.views import blueprint

__all__ = ["blueprint"]
