"""The ground under every table: the declarative base, the Utc column and the SQLite and PostgreSQL profiles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
Clock = Callable[[], datetime]
# A write waits this long for SQLite's one writer before it gives up.
BUSY_MS: Final = 10_000


class Utc(sa.types.TypeDecorator[datetime]):
    """An instant, stored in UTC and read back aware; a naive time is refused, for nobody knows what it means."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """To the database: UTC.  Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value.isoformat()}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any] | None:
        """For SQLite the text it keeps, as the dialect would write it at twice the cost."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def text(value: datetime | None) -> str | None:
            moment = self.process_bind_param(value, dialect)
            return None if moment is None else moment.isoformat(" ", "microseconds")

        return text

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """From the database: aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Id = Annotated[int, mapped_column(BigId, primary_key=True)]


def _values(enum: type[Enum]) -> list[str]:
    return [str(member.value) for member in enum]


class Base(DeclarativeBase):
    """The parent of every table."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Utc(),
        int: BigId,
        dict[str, Any]: sa.JSON(),
        Enum: sa.Enum(Enum, native_enum=False, length=32, values_callable=_values),
    }


def partial_index(name: str, *columns: str, where: str, unique: bool = True) -> sa.Index:
    """An index over the rows that fit `where` alone: the lock of "one open at a time", or a queue's order."""
    fits = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=fits, postgresql_where=fits)


class Store:
    """One database: `begin()` for a write transaction, `read()` for a look that cannot write.

    `lease_clock` tells whether a lease has run out. By default that is the database's clock on PostgreSQL, so that
    machines need not agree, and this machine's on SQLite; the simulator passes its own.
    """

    def __init__(
        self, url: str, machine_clock: Callable[[], datetime], lease_clock: Callable[[], datetime] | None = None
    ):
        self.engine = _engine(url, writing=True)
        self._readers = _engine(url, writing=False)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._looks = sessionmaker(self._readers, expire_on_commit=False, autoflush=False)
        self._machine_clock = machine_clock
        self._lease_clock = lease_clock

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A write transaction: commits at the end of the block, rolls back on an error."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent look; the database refuses to write through it."""
        with self._looks() as session:
            yield session

    def lease_now(self, session: Session) -> datetime:
        """The instant by which leases are judged."""
        if self._lease_clock is not None:
            return self._lease_clock()
        if self.engine.dialect.name == "postgresql":
            return session.scalars(sa.select(sa.func.clock_timestamp(type_=Utc()))).one()
        return self._machine_clock()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._readers.dispose()


def insert_new(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], unique: Sequence[str] | None = None
) -> None:
    """Insert rows in one go by Core; the database skips those that a unique constraint knows already."""
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(insert(cast(sa.Table, model.__table__)).on_conflict_do_nothing(index_elements=unique), rows)


def _engine(url: str, *, writing: bool) -> Engine:
    made = sa.make_url(url)
    if made.get_backend_name() == "sqlite":
        engine = sa.create_engine(made, connect_args={"timeout": BUSY_MS / 1000})
        _sqlite_profile(engine, writing=writing)
        return engine
    return sa.create_engine(
        made, pool_pre_ping=True, execution_options={} if writing else {"postgresql_readonly": True}
    )


def _sqlite_profile(engine: Engine, *, writing: bool) -> None:
    """WAL, full durability, foreign keys; a writer takes the lock at BEGIN so that two never deadlock half-way."""

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA trusted_schema=OFF")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        if not writing:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
