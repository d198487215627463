"""What is raised when the tracker has broken an invariant."""


class Broken(BaseException):
    """An invariant does not hold; the message is one sentence that names it and the parcel.

    No mere Exception: a worker that keeps its errors and goes on must not keep this one.
    """
