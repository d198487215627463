"""The seams of a worker: store, HTTP and mail that may kill their process before or after a commit, call or mail."""

import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.outside.http import Http, Reply
from tracker.store.base import Store

START = datetime(2026, 11, 18, 11, tzinfo=UTC)
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Crossings:
    """Counts the seams that a process comes through, and kills it at one of them."""

    def __init__(self, fatal: int | None):
        self._left = fatal

    def __call__(self, _seam: str) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class SeamedStore(Store):
    """A store whose every commit may be the last thing that the process does, or just not.

    One object serves all forks: the statements that it has compiled go with it, its connections do not.  SQLite need
    not wait for the disk: what a killed process has written is the system's, and no power is cut here.
    """

    def __init__(self, url: str):
        super().__init__(url, self._clock, self._clock)
        self.at = START
        self.cross: Callable[[str], None] = Crossings(None)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _hasty)

    def _clock(self) -> datetime:
        return self.at

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with super().begin() as session:
            before = self._written(session)
            yield session
            session.flush()
            wrote = self._written(session) != before
            if wrote:
                self.cross("before a commit")
        if wrote:
            self.cross("after a commit")

    def _written(self, session: Session) -> object:
        """What changes as soon as the transaction has written: a look that finds nothing due is no crossing."""
        told = "total_changes()" if self.engine.dialect.name == "sqlite" else "pg_current_xact_id_if_assigned()::text"
        return session.scalar(sa.text(f"SELECT {told}"))


def _hasty(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class SeamedHttp(Http):
    """An HTTP client that may die before a request goes out, or after it was answered."""

    def __init__(self, cross: Callable[[str], None]):
        super().__init__(trust=TRUST)
        self._cross = cross

    def send(self, *args: Any, **kwargs: Any) -> Reply:
        self._cross("before a call")
        reply = super().send(*args, **kwargs)
        self._cross("after a call")
        return reply


class SeamedMail:
    """A mailer that writes each Message-ID to a file; it may die before or after."""

    def __init__(self, path: Path, cross: Callable[[str], None]):
        self._path, self._cross = path, cross

    def send(self, message: Any) -> str:
        self._cross("before a mail")
        with self._path.open("a") as file:
            file.write(f"{message['Message-ID']}\n")
        self._cross("after a mail")
        return str(message["Message-ID"])


def forked(work: Callable[[], int]) -> int | None:
    """The exit code of a process that does this work; None when it was killed."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - a fork must never come back into its parent's code
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    return os.WEXITSTATUS(status)
