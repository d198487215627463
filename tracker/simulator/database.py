"""The world's database: a temporary SQLite file, or an empty database that somebody gives; never a merchant's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from config import ROOT


class NotEmpty(Exception):
    """The database given holds something already; the message is one sentence."""


@contextmanager
def empty(url: str | None) -> Iterator[str]:
    """The URL of an empty, migrated database: the one given, or a temporary one.  Raises NotEmpty."""
    if url is not None:
        prepare(url)
        yield url
        return
    with TemporaryDirectory(prefix="tracker-world-") as folder:
        made = f"sqlite:///{Path(folder) / 'world.db'}"
        prepare(made)
        yield made


def prepare(url: str) -> None:
    """Bring an empty database to the newest schema.  Raises NotEmpty when it holds any row."""
    engine = sa.create_engine(url)
    try:
        if full := _first_full_table(engine):
            raise NotEmpty(f"The database is not empty (there are rows in {full}): a world begins in an empty one.")
    finally:
        engine.dispose()
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(settings, "head")


def _first_full_table(engine: sa.Engine) -> str | None:
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            if table.name != "alembic_version" and connection.execute(sa.select(table).limit(1)).first() is not None:
                return str(table.name)
    return None
