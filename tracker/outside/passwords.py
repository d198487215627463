"""Passwords: hashed with Argon2id, compared in the same time whether or not there is anything to compare with."""

from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER: Final = PasswordHasher()


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether `kept` was made of that password; None (nobody) takes as long to be refused as a wrong password."""
    nobody = _nobody()
    try:
        _HASHER.verify(kept or nobody, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash("")
