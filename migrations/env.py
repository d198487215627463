"""Runs migrations on the database that the caller names in `sqlalchemy.url`."""

from alembic import context
from sqlalchemy import create_engine

from tracker.store.base import Base
from tracker.store.tables import ALL

assert ALL, "every table must be known before two schemas are compared"


def run() -> None:
    """Run what was asked for, on the caller's connection or one of our own."""
    shared = context.config.attributes.get("connection")
    if shared is not None:
        _run(shared)
        return
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None, "the caller names the database"
    engine = create_engine(url)
    with engine.connect() as connection:
        _run(connection)
        connection.commit()
    engine.dispose()


def _run(connection: object) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


run()
