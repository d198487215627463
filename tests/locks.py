"""Shows whether anybody holds a write transaction: a second connection takes the write lock, or fails at once."""

import sqlalchemy as sa

TABLES = "shipments, events, findings, incidents, promises, remedies, outbox, feeds"


def assert_free(store):
    """Take the database's write lock from another connection; an error when a transaction is open on the store."""
    url = store.engine.url
    sqlite = url.get_backend_name() == "sqlite"
    engine = sa.create_engine(url, connect_args={"timeout": 0.05, "isolation_level": None} if sqlite else {})
    try:
        with engine.connect() as connection:
            if sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("ROLLBACK")
            else:
                connection.exec_driver_sql("SET lock_timeout = '50ms'")
                connection.exec_driver_sql(f"LOCK TABLE {TABLES} IN EXCLUSIVE MODE")
                connection.rollback()
    finally:
        engine.dispose()
