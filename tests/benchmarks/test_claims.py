"""What it costs to claim a hundred due rows: the same among ten thousand and among a million."""

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import make
from tests.benchmarks.measures import compare, no_collector
from tracker.store import polls
from tracker.store.shipments import Shipment

pytestmark = pytest.mark.benchmark

SMALL = 10_000
DUE = 100
TURNS = 40
WARM = 5
LARGE = 1_000_000 if os.environ.get("TRACKER_TEST_SLOW") else 100_000
"""`make bench` takes the time to fill a million rows."""
FILL = """
INSERT INTO shipments (order_id, carrier, account, number, epoch, relation, postcode, country, created_at, stage,
    exception, direction, suspected, solution_needed, attempts, fold_version, token, tries, wake_at)
SELECT {order}, 'seur', '', 'N' || i, 1, 'outbound', '06001', 'ES', '2026-11-18 11:00:00.000000', 'in_transit',
    'none', 'outbound', {no}, {no}, 0, 0, 0, 0,
    CASE WHEN i % {every} = 0 THEN {past} WHEN i % 5 = 0 THEN NULL ELSE {later} END
FROM {numbers}
"""
"""A fifth of the parcels sleep for good, a hundred are due, the others' turn comes within the next six hours."""
SQLITE = {
    "no": "0",
    "past": "'2026-11-18 10:59:00.000000'",
    "later": "strftime('%Y-%m-%d %H:%M:%f000', '2026-11-18 11:01', '+' || (i * 7919 % 21600) || ' seconds')",
    "numbers": "(WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows}) SELECT i FROM g)",
}
POSTGRES = {
    "no": "false",
    "past": "timestamptz '2026-11-18 10:59+00'",
    "later": "timestamptz '2026-11-18 11:01+00' + (i::bigint * 7919 % 21600) * interval '1 second'",
    "numbers": "generate_series(1, {rows}) AS g(i)",
}


def filled(store, rows):
    """A store with that many parcels, a hundred of them due and spread over all."""
    with store.begin() as session:
        order = make.order(session).id
    on_postgres = store.engine.dialect.name == "postgresql"
    words = {key: text.format(rows=rows) for key, text in (POSTGRES if on_postgres else SQLITE).items()}
    with store.engine.begin() as connection:
        if on_postgres:  # the one order is there: a million look-ups of it would prove nothing
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        statement = FILL.format(order=order, every=rows // DUE, **words)
        connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE shipments" if on_postgres else "ANALYZE")
    return store


class Claims:
    """Claims of a store as the poll makes them, each undone, so that the next one finds the same rows due."""

    def __init__(self, store):
        self.store, self.times = store, []
        on_postgres = store.engine.dialect.name == "postgresql"
        with store.begin() as session:
            self.backend = session.scalar(sa.text("SELECT pg_backend_pid()")) if on_postgres else None

    def cpu(self):
        """CPU seconds of this process and of the one that works for it, where that one can be looked at."""
        if self.backend is None:
            return time.process_time()
        schedule = Path(f"/proc/{self.backend}/schedstat")
        if not schedule.exists():
            return time.perf_counter()
        return time.process_time() + int(schedule.read_text().split()[0]) / 1e9

    def once(self):
        start = self.cpu()
        with self.store.begin() as session:
            taken = polls.take(session, "seur", make.NOON, make.NOON, owner="w", limit=DUE)
        self.times.append(self.cpu() - start)
        assert len(taken) == DUE
        with self.store.begin() as session:
            mine = sa.update(Shipment).where(Shipment.id.in_([due.id for due in taken]))
            session.execute(mine.values(lease_until=None, owner=None))


def in_turns(*stores):
    claims = [Claims(store) for store in stores]
    with no_collector():
        for _ in range(TURNS + WARM):
            for claim in claims:
                claim.once()
    return [claim.times[WARM:] for claim in claims]


@pytest.fixture
def two_stores(store_url, request, tmp_path):
    """Two fresh databases of one kind."""
    with ExitStack() as stack:
        if store_url.startswith("sqlite"):
            (tmp_path / "second").mkdir()
            second = request.getfixturevalue("sqlite_files").fresh(tmp_path / "second")
        else:
            second = request.getfixturevalue("postgres_server").fresh()
        stores = [make.store(url) for url in (store_url, stack.enter_context(second))]
        for store in stores:
            stack.callback(store.close)
        yield stores


def test_a_claim_costs_the_same_however_many_rows_sleep(two_stores):
    small, large = filled(two_stores[0], SMALL), filled(two_stores[1], LARGE)
    few, many = in_turns(small, large)
    on = small.engine.dialect.name
    assert compare(f"T1 claim of {DUE} among {LARGE:,} rows and among {SMALL:,}, {on}", 1.2, DUE, few, many) <= 1.2
