"""The caller's mistakes on the command line: one sentence on stderr, exit 2, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused


class Mistake(click.ClickException):
    """What was asked cannot be done; the message is one sentence."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it on stderr."""
        said = self.message if self.message.endswith((".", "!", "?")) else f"{self.message}."
        click.echo(said, file=file, err=True)


@contextmanager
def told() -> Iterator[None]:
    """What is refused inside becomes a Mistake; so does a database that is not there or has no tables yet."""
    try:
        yield
    except (Refused, IllegalMove) as error:
        raise Mistake(str(error)) from None
    except (OperationalError, ProgrammingError) as error:
        raise Mistake(f"The database cannot be used: {_first_line(error)} (has `flask db upgrade` been run?)") from None


def _first_line(error: OperationalError | ProgrammingError) -> str:
    return (str(error.orig).splitlines() or [""])[0]
