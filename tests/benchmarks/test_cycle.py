"""How dear a poll of a thousand parcels is, rules included, against asking and storing with nothing around it."""

import subprocess
import sys
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tests import make
from tests.benchmarks import carrier
from tests.benchmarks.measures import TimedStore, compare, no_collector, spent
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account
from tracker.domain.events import Direction, ExceptionCode, Source
from tracker.outside.http import Http
from tracker.steps.polling import LIMIT, poll
from tracker.store.shipments import EventRow, Shipment

pytestmark = pytest.mark.benchmark

PARCELS = 1000
ROUNDS = PARCELS // LIMIT
EVENTS = 15
LATER = make.NOON + timedelta(hours=3)
SEUR = CARRIERS["seur"]


@pytest.fixture(scope="module")
def host():
    """The address of a quick carrier in another process."""
    with subprocess.Popen(
        [sys.executable, carrier.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


@pytest.fixture
def store(store_url):
    made = TimedStore(store_url, lambda: make.NOON, lambda: make.NOON)
    yield made
    made.close()


class Floor:
    """What cannot be left out: one GET a parcel by requests, orjson, and writing in bulk by Core."""

    def __init__(self, store, host, parcels):
        self.engine, self.host, self.parcels = store.engine, host, parcels
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = "Bearer " + "a" * 900
        self.asking, self.storing = [], []

    def round(self, events, now, *, news):
        """One round of asking and storing; returns the CPU seconds of both."""
        ids, self.parcels = self.parcels[:LIMIT], self.parcels[LIMIT:] + self.parcels[:LIMIT]
        with spent(self.asking):
            answers = [(id_, orjson.loads(self.ask(number, events))) for id_, number in ids]
        with spent(self.storing), self.engine.begin() as connection:
            if news:
                self.write(connection, answers, now)
            connection.execute(
                sa.update(Shipment)
                .where(Shipment.id.in_([id_ for id_, _ in ids]))
                .values(wake_at=now + timedelta(hours=2), polled_at=now, tries=0, owner=None, lease_until=None)
            )

    def ask(self, number, events):
        address = f"{self.host}/{events}/pic/v1/tracking-services/extended"
        return self.http.get(address, params={"ref": number, "refType": "REFERENCE"}, timeout=10).content

    def write(self, connection, answers, now):
        """The events that a plain walk finds, the known ones skipped by the database; and where each parcel is."""
        walked = [(id_, list(walk(id_, answer, now))) for id_, answer in answers]
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            insert(EventRow.__table__).on_conflict_do_nothing(index_elements=["shipment_id", "identity"]),
            [row for _, rows in walked for row in rows],
        )
        connection.execute(
            sa.update(Shipment.__table__)
            .where(Shipment.id == sa.bindparam("row"))
            .values(stage=sa.bindparam("now_at"), last_event_at=sa.bindparam("seen"), feed_hash=sa.bindparam("hash")),
            [
                {"row": id_, "now_at": rows[-1]["stage"] or "in_transit", "seen": rows[-1]["occurred_at"],
                 "hash": rows[-1]["identity"]}
                for id_, rows in walked
            ],
        )  # fmt: skip


def walk(shipment_id, answer, now):
    for told in answer["data"][0]["situations"]:
        code, time = told["eventCode"], told["situationDate"]
        means = SEUR.codes.rows[code]
        yield {
            "shipment_id": shipment_id, "identity": sha256(f"{code}{time}".encode()).digest()[:16],
            "occurred_at": datetime.fromisoformat(time).replace(tzinfo=SEUR.zone), "first_seen_at": now,
            "tz_known": False, "raw_code": code, "raw_text": told["description"], "raw_time": time, "raw_id": None,
            "stage": means.stage, "exception": ExceptionCode.NONE, "direction": Direction.OUTBOUND, "piece": None,
            "handover_to": None, "location": means.place, "depot": means.depot, "recovery": False, "solution": False,
            "mapping_version": 1, "source": Source.POLL,
        }  # fmt: skip


class Race:
    """The floor's thousand parcels and ours, in turns of one round each."""

    def __init__(self, store, host):
        self.store, self.host, self.http = store, host, Http()
        self.floor = Floor(store, host, fill(store, "floor"))
        fill(store, "seur")
        self.ours = []
        self.run(EVENTS, make.NOON, news=True)
        for times in (self.ours, store.writes, self.floor.asking, self.floor.storing):
            times.clear()

    def run(self, events, now, *, news):
        settings = {"CLIENT_ID": "c", "CLIENT_SECRET": "s"}
        tools = make.tools(
            self.store, http=self.http, accounts={"seur": Account("seur", f"{self.host}/{events}", settings)}
        )
        with no_collector():
            for _ in range(ROUNDS):
                self.floor.round(events, now, news=news)
                with spent(self.ours):
                    tally = poll(tools, now)
                assert (tally.done, tally.errors) == (LIMIT, [])

    @property
    def whole_floor(self):
        return [sum(both) for both in zip(self.floor.asking, self.floor.storing, strict=True)]

    @property
    def storing(self):
        """The second write of each round; the first is the claim."""
        return self.store.writes[1::2]


def fill(store, carrier_code):
    """A thousand parcels that are due; returns their ids and numbers."""
    with store.begin() as session:
        order = make.order(session)
        rows = [
            {"order_id": order.id, "carrier": carrier_code, "number": f"{carrier_code}{place:08d}", "postcode": "06001",
             "created_at": make.NOON, "wake_at": make.NOON}
            for place in range(PARCELS)
        ]  # fmt: skip
        session.execute(sa.insert(Shipment), rows)
        found = session.execute(sa.select(Shipment.id, Shipment.number).where(Shipment.carrier == carrier_code))
        return [tuple(row) for row in found]


def events_of(store, carrier_code):
    with store.read() as session:
        return session.scalar(
            sa.select(sa.func.count()).select_from(EventRow).join(Shipment).where(Shipment.carrier == carrier_code)
        )


def test_a_poll_with_nothing_new(store, host):
    race = Race(store, host)
    race.run(EVENTS, LATER, news=False)
    on = store.engine.dialect.name
    whole = compare(f"P1 poll, nothing new, {on}", 2, LIMIT, race.whole_floor, race.ours)
    storing = compare(f"S3 storing, nothing new, {on}", 2, LIMIT, race.floor.storing, race.storing)
    assert events_of(store, "seur") == events_of(store, "floor") == EVENTS * PARCELS
    assert whole <= 2
    assert storing <= 2


def test_a_poll_with_a_new_event_of_each_parcel(store, host):
    race = Race(store, host)
    race.run(EVENTS + 1, LATER, news=True)
    on = store.engine.dialect.name
    whole = compare(f"P1 poll, one new event, {on}", 2, LIMIT, race.whole_floor, race.ours)
    storing = compare(f"S4 storing, one new event, {on}", 1.5, LIMIT, race.floor.storing, race.storing)
    assert events_of(store, "seur") == events_of(store, "floor") == (EVENTS + 1) * PARCELS
    assert whole <= 2
    assert storing <= 1.5
