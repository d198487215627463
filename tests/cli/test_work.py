"""`flask work` as processes: once until nothing is due, two at a time and nothing twice, ended by SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa

from config import Config
from tests import make
from tests.databases import ROOT
from tracker.app import create_app
from tracker.domain.events import ExceptionCode
from tracker.simulator.chance import Chance
from tracker.simulator.journeys import Fate, plan
from tracker.simulator.truth import Book, Parcel
from tracker.simulator.wire import seur
from tracker.simulator.wire.server import serving
from tracker.store.incidents import Incident
from tracker.store.outbox import Notice, NoticeState
from tracker.store.shipments import Shipment

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
PARCELS = 12
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi", "work"]


@contextmanager
def a_carrier():
    """SEUR behind a socket, with some lost parcels; the references it was asked for, and its address."""
    book = Book()
    for number in range(PARCELS):
        parcel = Parcel(
            carrier="seur", number=f"P{number}", order=f"A-{number}", postcode="06001", town="BADAJOZ", country="ES",
            depot="06", amount_minor=1000, weight_g=500, customer="Ana", email="ana@mail.example",
            phone="+34600000001", locale="es", created_at=START,
        )  # fmt: skip
        plan(parcel, Fate.LOST, Chance(number).of("journeys"))
        book.add(parcel)
    asked = Counter()

    class Counted(seur.Seur):
        def answer(self, call):
            asked[call.query.get("ref", "")] += 1
            return super().answer(call)

    with serving({"seur": Counted(book, lambda: NOW)}) as url:
        yield asked, f"{url}/seur"


def settings(database, folder, base_url=""):
    """The environment of a process."""
    said = {
        "TRACKER_ENV": "test",
        "TRACKER_NOW": NOW.isoformat(),
        "TRACKER_DATABASE_URL": database,
        "TRACKER_SECRET_KEY": "a secret of more than thirty-two bytes for tests",
        "TRACKER_MAIL_URL": f"file:{folder}/mails",
    }
    if base_url:
        said["TRACKER_CARRIER_SEUR__BASE_URL"] = base_url
        said["TRACKER_CARRIER_SEUR__CLIENT_ID"] = seur.CLIENT["client_id"]
        said["TRACKER_CARRIER_SEUR__CLIENT_SECRET"] = seur.CLIENT["client_secret"]
        said["TRACKER_CARRIER_SEUR__USERNAME"] = "tracker"
        said["TRACKER_CARRIER_SEUR__PASSWORD"] = "made up"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return {**plain, **said}


def shipments(store, count=PARCELS):
    with store.begin() as session:
        make.depot(session, code="06")
        for number in range(count):
            make.shipment(session, now=NOW, number=f"P{number}", wake_at=NOW)


def work(environment, *arguments):
    return subprocess.Popen(
        [*FLASK, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said_by(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture
def store(store_url):
    made = make.store(store_url)
    yield made
    made.close()


def test_creating_the_application_starts_no_thread(sqlite_url, tmp_path):
    before = threading.active_count()
    create_app(Config.from_env(settings(sqlite_url, tmp_path)))
    assert threading.active_count() == before


def test_once_works_until_nothing_is_due_and_a_second_run_does_nothing(store_url, store, tmp_path):
    shipments(store)
    with a_carrier() as (asked, url):
        environment = settings(store_url, tmp_path, url)
        first = said_by(work(environment, "--once"))
        second = said_by(work(environment, "--once"))
    assert first["errors"] == []
    assert first["poll"] == first["incidents"] == PARCELS
    assert first["outbox"] > PARCELS
    assert second == {**dict.fromkeys(first, 0), "errors": []}
    assert {asked[f"P{number}"] for number in range(PARCELS)} == {1}
    with store.read() as session:
        assert session.scalars(sa.select(Shipment.exception).distinct()).all() == [ExceptionCode.LOST]


def test_one_job_alone_can_be_run(sqlite_url, tmp_path):
    told = said_by(work(settings(sqlite_url, tmp_path), "--once", "--job", "feeds"))
    assert told == {"feeds": 0, "errors": []}


def test_two_processes_at_once_do_nothing_twice(store_url, store, tmp_path):
    shipments(store)
    with a_carrier() as (asked, url):
        environment = settings(store_url, tmp_path, url)
        both = [work(environment, "--once") for _ in range(2)]
        told = [said_by(process) for process in both]
        rest = said_by(work(environment, "--once"))
    assert [one["errors"] for one in (*told, rest)] == [[], [], []]
    assert {asked[f"P{number}"] for number in range(PARCELS)} == {1}
    assert sum(one["poll"] for one in told) == PARCELS
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Incident)) == PARCELS
        sent = session.scalar(sa.select(sa.func.count()).where(Notice.state == NoticeState.SENT))
    letters = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in tmp_path.glob("mails/*.eml")]
    assert len(letters) == sent == len({letter["Message-ID"] for letter in letters})


def test_the_scheduler_works_and_ends_cleanly_when_it_is_told_to(store_url, store, tmp_path):
    shipments(store, 3)
    with a_carrier() as (_, url):
        environment = settings(store_url, tmp_path, url)
        process = work(environment)
        until = time.monotonic() + 60
        while time.monotonic() < until and not polled(store):
            time.sleep(0.2)
        assert polled(store) == 3
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 25
    assert "Traceback" not in err
    with store.read() as session:
        held = session.scalar(sa.select(sa.func.count()).where(Shipment.lease_until.is_not(None)))
    assert held == 0, "what was begun was brought to its end"


def polled(store):
    with store.read() as session:
        return session.scalar(sa.select(sa.func.count()).where(Shipment.polled_at.is_not(None)))
