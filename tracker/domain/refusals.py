"""The one error for what cannot be done as asked; its message is a sentence for whoever asked."""


class Refused(ValueError):
    """What was asked cannot be done; the message says what and why, in one sentence."""
