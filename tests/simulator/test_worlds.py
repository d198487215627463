"""Random worlds: the same seed is the same world, and with every fault no invariant is broken."""

import subprocess
import sys

import pytest
import sqlalchemy as sa

from tracker.simulator import trace
from tracker.simulator.checks import Broken
from tracker.simulator.crashes import Crash, Fuse
from tracker.simulator.database import NotEmpty, empty, prepare
from tracker.simulator.journeys import RATES
from tracker.simulator.random_world import DAY, random_world

SEEDS = range(1, 21)


def live(url, *, seed, parcels, days, faults):
    """A world that has lived its days."""
    world = random_world(url, seed=seed, parcels=parcels, days=days, faults=faults)
    world.run(world.now + days * DAY)
    return world


def told(world):
    with world.scene.tools.store.read() as session:
        return trace.digest(session), trace.counts(session)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_faults_no_invariant_is_broken_in_300_parcels_and_21_days(seed, sqlite_url):
    world = live(sqlite_url, seed=seed, parcels=300, days=21, faults=True)
    _, counts = told(world)
    assert counts["events"] > 1200
    assert counts["incidents"] > 15
    assert counts["refunds"] > 3
    assert world.fuse.burnt > 5
    assert {"outage", "another", "truncated", "page", "down", "silent", "doubled"} <= set(world.seur.counts)
    assert all(entry.status in {"succeeded", "pending", "failed"} for entry in world.provider.ledger.values())


def test_the_same_seed_is_the_same_world_and_another_seed_is_another(tmp_path):
    digests = []
    for place, seed in enumerate((5, 5, 6)):
        url = f"sqlite:///{tmp_path / f'{place}.db'}"
        prepare(url)
        digests.append(told(live(url, seed=seed, parcels=40, days=8, faults=True))[0])
    assert digests[0] == digests[1] != digests[2]


def test_a_world_without_faults_has_no_resends_and_no_errors(sqlite_url):
    world = live(sqlite_url, seed=9, parcels=80, days=12, faults=False)
    assert (world.fuse.burnt, world.mailbox.resends, world.seur.counts) == (0, 0, {})
    with world.scene.tools.store.read() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM shipments WHERE last_error IS NOT NULL")) == 0


def test_a_world_lives_on_postgresql_too(postgres_url):
    world = live(postgres_url, seed=2, parcels=40, days=10, faults=True)
    assert told(world)[1]["events"] > 150


REACHED = {
    "incidents.kind": {"damaged", "lost", "damaged_or_lost", "missing_pieces", "stalled", "overdue", "found"},
    "incidents.outcome": {"refunded", "delivered", "moving", "withdrawn"},
    "incidents.level": {0, 3},
    "incidents.episode": {1, 2},
    "promises.state": {"made", "kept", "kept_late", "broken", "unconfirmed", "void"},
    "promises.action": {"answer", "call", "deliver", "investigate", "refund"},
    "remedies.state": {"succeeded", "failed"},
    "audit.action": {
        "promise_disputed",
        "promise_renegotiated",
        "refund_unknown",
        "customer_chose",
        "incident_reopened",
    },
    "outbox.state": {"waiting", "sent", "cancelled"},
}


def test_troubled_worlds_reach_every_state_that_the_checks_are_there_for(tmp_path):
    """One world is nearly always enough; a few more are tried before the workload counts as too tame."""
    missing, reached = set(), set()
    for seed in range(2, 6):
        reached |= troubled(f"sqlite:///{tmp_path / f'{seed}.db'}", seed)
        missing = {(name, value) for name, values in REACHED.items() for value in values} - reached
        if not missing:
            return
    pytest.fail(f"never reached: {sorted(missing)}")


def troubled(url, seed):
    """The states that a world with three times the usual trouble has gone through."""
    prepare(url)
    rates = {fate: 3 * rate for fate, rate in RATES.items()}
    world = random_world(url, seed=seed, parcels=250, days=20, faults=True, rates=rates)
    world.run(world.now + 20 * DAY)
    assert world.mailbox.resends > 0
    with world.scene.tools.store.read() as session:
        return {(name, value) for name in REACHED for value in _values(session, *name.split("."))}


def _values(session, table, column):
    return set(session.scalars(sa.text(f"SELECT DISTINCT {column} FROM {table}")))


def test_a_fuse_crashes_at_its_point_and_only_once():
    fuse = Fuse()
    fuse.burn()
    fuse.light(2)
    fuse.burn()
    with pytest.raises(Crash):
        fuse.burn()
    fuse.burn()
    assert fuse.burnt == 1


def test_neither_a_crash_nor_a_broken_invariant_can_be_swallowed_as_an_error():
    assert not issubclass(Crash, Exception)
    assert not issubclass(Broken, Exception)


def test_a_world_never_begins_in_a_database_that_holds_something(sqlite_url):
    live(sqlite_url, seed=1, parcels=1, days=1, faults=False)
    with pytest.raises(NotEmpty, match="not empty"), empty(sqlite_url):
        pytest.fail("it must not come this far")


def test_the_command_is_found_by_flask_and_prints_the_trace(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "flask", "simulate", "--parcels", "5", "--days", "3", "--seed", "4", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert '"trace": "' in answer.stdout
    assert len(answer.stdout.splitlines()) == 1
