"""The seven scenarios end as they are promised to, and `flask simulate` tells them as a dated log."""

import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tracker.cli.simulate import simulate
from tracker.domain.events import Stage
from tracker.domain.incidents import Desired, Kind, Outcome
from tracker.domain.promises import Action
from tracker.domain.promises import State as PromiseState
from tracker.simulator import trace
from tracker.simulator.scenarios import STORIES, play
from tracker.simulator.scenarios.stage import on
from tracker.store.incidents import Finding, Incident, Task, TaskKind
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment

WORDS = {
    "event", "incident_opened", "notice_sent", "promise_made", "promise_nudged", "promise_asked", "promise_kept",
    "promise_broken", "promise_unconfirmed", "reminded", "escalated", "cause_known", "refund_requested",
    "refund_succeeded", "resolved", "followup_asked",
}  # fmt: skip


class Told:
    """A story that has been played: its log, and the database at its end."""

    def __init__(self, name, url):
        self.world = play(name, url)
        with self.world.scene.tools.store.read() as session:
            self.lines = trace.log(session)
            self.incidents = session.scalars(sa.select(Incident)).all()
            self.shipment = session.scalars(sa.select(Shipment)).one()
            self.promises = session.scalars(sa.select(Promise)).all()
            self.remedies = session.scalars(sa.select(Remedy)).all()
            self.tasks = session.scalars(sa.select(Task)).all()
            self.findings = session.scalars(sa.select(Finding)).all()

    def times(self, what):
        return [line.at for line in self.lines if line.what == what]

    def notices(self, topic):
        return [line for line in self.lines if topic in line.detail]


@pytest.fixture
def told(sqlite_url):
    return lambda name: Told(name, sqlite_url)


def test_found_is_delivered_by_a_new_promise_and_nothing_is_refunded(told):
    story = told("found")
    (incident,) = story.incidents
    assert (incident.kind, incident.outcome) == (Kind.FOUND, Outcome.DELIVERED)
    states = {promise.action: promise.state for promise in story.promises}
    assert states == {
        Action.ANSWER: PromiseState.KEPT,
        Action.REFUND: PromiseState.VOID,
        Action.DELIVER: PromiseState.KEPT,
    }
    assert story.shipment.stage is Stage.DELIVERED
    assert (story.remedies, story.world.provider.ledger) == ([], {})
    assert story.times("promise_broken") == []


def test_when_nobody_ever_answers_the_refund_is_asked_for_on_the_announced_day(told):
    story = told("never-answered")
    (incident,) = story.incidents
    assert incident.outcome is Outcome.REFUNDED
    assert story.times("reminded") == [on(13, 9)]
    assert story.times("escalated") == [on(13, 13), on(16, 9)]
    assert story.times("refund_requested") == [on(16, 18)]
    assert len(story.world.provider.ledger) == 1
    assert not [line for line in story.lines if line.what == "cause_known"]


def test_a_customer_who_chooses_the_refund_gets_one_at_once(told):
    story = told("refund-now")
    (incident,) = story.incidents
    (chosen_at,) = story.times("refund_requested")
    opened_at = story.times("incident_opened")[0]
    assert (chosen_at - opened_at).total_seconds() == 3600
    assert (incident.desired, incident.outcome) == (Desired.REFUND, Outcome.REFUNDED)
    assert len(story.world.provider.ledger) == 1
    assert story.times("reminded") == story.times("escalated") == []


def test_a_customer_who_waits_is_refunded_on_the_chosen_day_and_not_before(told):
    story = told("wait")
    (incident,) = story.incidents
    assert incident.desired is Desired.WAIT
    assert story.times("refund_requested") == [on(20, 18)]
    assert len(story.notices("customer_choice")) == 1
    assert len(story.world.provider.ledger) == 1


def test_a_parcel_that_reappears_after_its_refund_is_flagged_to_staff_and_nothing_else_happens(told):
    story = told("reappears")
    (incident,) = story.incidents
    assert (incident.outcome, incident.episode) == (Outcome.REFUNDED, 1)
    assert len(story.notices("staff_reappeared")) == 1
    assert [task.kind for task in story.tasks if task.done_at is None] == [TaskKind.REAPPEARED]
    after = [line for line in story.lines if line.at > on(16, 6) and line.what != "event"]
    assert [line.what for line in after] == ["notice_sent"]
    assert len(story.world.provider.ledger) == 1


def test_a_feed_that_is_down_raises_one_alarm_and_no_finding_and_catches_up(told):
    story = told("feed-down")
    alarms = story.notices("staff_alarm")
    assert len(alarms) == 1
    assert on(7, 18) < alarms[0].at < on(8, 0)
    assert (story.findings, story.incidents) == ([], [])
    assert (story.shipment.stage, story.shipment.delivered_at) == (Stage.DELIVERED, on(12, 12, 40))
    assert len(story.times("event")) == 6


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_a_scenario_is_told_in_the_agreed_words_with_offsets(name):
    answer = CliRunner().invoke(simulate, ["--scenario", name, "--json"])
    assert answer.exit_code == 0, answer.output
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(lines) >= 7
    for line in lines:
        assert set(line) == {"at", "what", "who", "detail"}
        assert line["what"] in WORDS
        assert datetime.fromisoformat(line["at"]).utcoffset() is not None
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_a_scenario_in_text_is_one_dated_line_an_entry():
    answer = CliRunner().invoke(simulate, ["--scenario", "refund-now"])
    assert answer.exit_code == 0
    assert "Wed 11 Nov 2026 07:40  event" in answer.stdout


def test_a_scenario_plays_on_an_empty_database_that_is_given(postgres_url):
    answer = CliRunner().invoke(simulate, ["--scenario", "feed-down", "--database", postgres_url, "--json"])
    assert answer.exit_code == 0, answer.output
    again = CliRunner().invoke(simulate, ["--scenario", "feed-down", "--database", postgres_url])
    assert again.exit_code == 2
    assert "not empty" in again.stderr


UNUSABLE = {
    "no url": ("worlds.db", "--database must be"),
    "a folder that is not there": ("sqlite:////nowhere/at/all/world.db", "unable to open database file"),
    "a server that is not there": ("postgresql://u:p@127.0.0.1:1/world", "cannot be used"),
}


@pytest.mark.parametrize(("url", "saying"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_database_that_cannot_be_used_is_the_callers_mistake(url, saying):
    answer = CliRunner().invoke(simulate, ["--scenario", "found", "--database", url])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert saying in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_an_unknown_scenario_is_the_callers_mistake():
    answer = CliRunner().invoke(simulate, ["--scenario", "broken-chair"])
    assert answer.exit_code == 2
    assert "broken-desk" in answer.stderr
