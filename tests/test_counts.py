"""What a tick costs when there is nothing to do, and that its cost does not grow with what sleeps."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.counting import statements
from tracker import jobs
from tracker.carriers.base import Account
from tracker.domain.notices import Topic
from tracker.domain.refunds import Mode
from tracker.steps import refunds
from tracker.store import outbox
from tracker.store.incidents import Incident
from tracker.store.outbox import Notice
from tracker.store.people import Role, User


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    yield make.tools(store, accounts={"dhl_unified": Account("dhl_unified", settings={"API_KEY": "made up"})})
    store.close()


@pytest.mark.parametrize("job", jobs.JOBS, ids=lambda job: job.name)
def test_with_nothing_due_a_job_asks_the_database_once(tools, job):
    with tools.store.begin() as session:
        make.shipment(session, wake_at=make.NOON + timedelta(days=1))
    with statements(tools.store) as said:
        told = job.run(tools, make.NOON)
    assert (told.done, told.errors) == (0, [])
    assert len(said) == 1


def test_all_jobs_together_say_less_than_ten_statements_when_nothing_is_due(tools):
    with statements(tools.store) as said:
        totals = jobs.until_done(tools, make.NOON)
    assert len(said) <= 10
    assert {name: tally.done for name, tally in totals.items()} == {job.name: 0 for job in jobs.JOBS}


def test_a_round_takes_no_more_rows_than_it_can_do_within_half_a_lease(tools):
    with tools.store.begin() as session:
        for number in range(75):
            outbox.put(session, Topic.STAFF_ALARM, f"k{number}", make.NOON, recipient="staff")
    jobs.JOBS[-1].run(tools, make.NOON)
    with tools.store.read() as session:
        left = session.scalar(sa.select(sa.func.count()).select_from(Notice).where(Notice.wake_at.is_not(None)))
    assert left == 55


def test_a_backlog_is_worked_off_to_the_last_row(tools):
    with tools.store.begin() as session:
        for number in range(75):
            outbox.put(session, Topic.STAFF_ALARM, f"k{number}", make.NOON, recipient="staff")
    totals = jobs.until_done(tools, make.NOON)
    assert totals["outbox"].done == 75
    assert jobs.until_done(tools, make.NOON)["outbox"].done == 0


def test_rows_that_all_fail_do_not_hide_those_behind_them(tools, monkeypatch):
    with tools.store.begin() as session:
        for number in range(45):
            outbox.put(session, Topic.STAFF_ALARM, f"k{number}", make.NOON, recipient="staff")
    render = tools.words.render

    def breaks(topic, locale, facts):
        raise RuntimeError("no words")

    with tools.store.begin() as session:
        session.add(
            User(email="a@shop.example", role=Role.LEAD, password_hash="x", session_token="x", made_at=make.NOON)
        )
    monkeypatch.setattr(tools.words, "render", breaks)
    totals = jobs.until_done(tools, make.NOON)
    assert len(totals["outbox"].errors) == 45, "each was tried once, and the run came to its end"
    monkeypatch.setattr(tools.words, "render", render)
    assert jobs.until_done(tools, make.NOON + timedelta(hours=1))["outbox"].done == 45


def test_a_refund_without_a_provider_does_not_make_the_jobs_spin(tools):
    automatic = replace(tools, refunds_mode=Mode.AUTO)
    with tools.store.begin() as session:
        incident_id = make.incident(session, make.shipment(session)).id
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        remedy = refunds.propose(session, automatic, make.NOON, incident, make.JOB)
        refunds.approve(session, automatic, make.NOON, remedy, make.JOB)
    totals = jobs.until_done(automatic, make.NOON)
    assert totals["refunds"].done == 1
    assert jobs.until_done(automatic, make.NOON)["refunds"].done == 0
