"""The customer's faces: number and postcode, the page of one parcel, and what its recipient may answer there."""

from tracker.web.customer.views import blueprint

__all__ = ["blueprint"]
