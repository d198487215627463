"""The migrations make exactly the tables that the program speaks of, on both databases."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tracker.store.base import Base
from tracker.store.tables import ALL


def test_the_schema_is_what_the_tables_say(store_url: str) -> None:
    assert ALL
    engine = sa.create_engine(store_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("table", ["audit", "timeline"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_was_written_stays_written(store_url: str, table: str, verb: str) -> None:
    engine = sa.create_engine(store_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(_a_row(table, connection.dialect.name))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(verb.format(table))
    engine.dispose()


def _a_row(table: str, dialect: str) -> str:
    off = "PRAGMA foreign_keys=OFF; " if dialect == "sqlite" else "SET session_replication_role = replica; "
    off = off if dialect != "sqlite" else ""
    if table == "audit":
        return (
            "INSERT INTO audit (at, actor_kind, actor_id, via, action, object, before, after)"
            " VALUES ('2026-01-01', 'job', '', '', 'made', 'x:1', '{}', '{}')"
        )
    return (
        f"{off}INSERT INTO timeline (incident_id, at, said_by, kind, body)"
        " VALUES (1, '2026-01-01', 'tracker', 'x', '{}')" + ("; SET session_replication_role = DEFAULT" if off else "")
    )
