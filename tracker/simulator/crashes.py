"""Crashes: the work stops dead in the middle, at a commit or at an outside call, and only the database remains."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from tracker.store.base import Store


class Crash(BaseException):
    """The process is gone; nothing may catch this but the one who starts the next."""


class Fuse:
    """Burns down by one at every commit and outside call; at nought the process crashes there."""

    def __init__(self) -> None:
        """Not lit."""
        self._left: int | None = None
        self.burnt = 0

    def light(self, length: int) -> None:
        """Crash at the `length`-th point from now."""
        self._left = length

    def put_out(self) -> None:
        """No crash any more."""
        self._left = None

    def burn(self) -> None:
        """One point at which a process may die.  Raises Crash when it is the one."""
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self.burnt += 1
            raise Crash


class WorldStore(Store):
    """The tracker's own store on the simulator's clock, with a fuse at both sides of every commit.

    A power cut is not played here, so SQLite need not wait for the disk.
    """

    def __init__(self, url: str, clock: Callable[[], datetime], fuse: Fuse, *, durable: bool = False) -> None:
        """Open the database; `durable` keeps the disk's guarantees."""
        super().__init__(url, clock, lease_clock=clock)
        self._fuse = fuse
        if not durable and self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _hasty)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A write transaction that may be lost just before its commit, or whose process may die just after."""
        with super().begin() as session:
            yield session
            self._fuse.burn()
        self._fuse.burn()


def _hasty(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()
