"""Every check can fail: a bug planted into the tracker is found, and named in one sentence."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tracker.cli.simulate import simulate
from tracker.domain.hours import is_open
from tracker.domain.incidents import Kind
from tracker.domain.ladder import BUILT_IN, Receiver
from tracker.domain.notices import Topic
from tracker.domain.refunds import State
from tracker.outside.refund_providers import webhook
from tracker.simulator.checks import Broken
from tracker.simulator.checks.feeds import FeedCheck
from tracker.simulator.journeys import Fate
from tracker.simulator.people.offices import hours_of
from tracker.simulator.places import OFFICES
from tracker.simulator.scenarios import STORIES
from tracker.simulator.scenarios.stage import NUMBER, Stage, on
from tracker.steps import incidents, ladder, polling
from tracker.steps.outbox import letters
from tracker.store import feeds, promises, refunds, standings
from tracker.store import outbox as outbox_rows
from tracker.store.incidents import Incident, pinned
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow


@pytest.fixture
def stage(sqlite_url):
    """The broken desk, not played yet."""
    stage = Stage(sqlite_url)
    STORIES["broken-desk"].script(stage)
    return stage


def broken(stage, saying, until=None):
    with pytest.raises(Broken, match=saying):
        stage.world.run(until or STORIES["broken-desk"].until)


def change(stage, *statements):
    with stage.world.scene.tools.store.begin() as session:
        for statement in statements:
            session.execute(statement)


def test_the_story_itself_breaks_nothing(stage):
    stage.world.run(STORIES["broken-desk"].until)
    assert stage.world.ticks > 100


def test_an_event_that_is_not_stored_is_missed(stage, monkeypatch):
    whole = standings.record
    monkeypatch.setattr(
        polling.standings, "record", lambda s, found, *rest: whole(s, {id_: e[:-1] for id_, e in found.items()}, *rest)
    )
    broken(stage, f"of {NUMBER} was told and is not stored")


def test_an_event_that_stands_twice_is_found(stage, monkeypatch):
    tried = iter(range(1000))
    monkeypatch.setattr("tracker.domain.events.Event.identity", property(lambda _: f"{next(tried):016}".encode()))
    broken(stage, f"stands twice for {NUMBER}")


def test_an_event_that_never_happened_is_found(stage):
    stage.world.run(on(8, 9))
    change(stage, sa.update(EventRow).where(EventRow.raw_code == "SX001").values(raw_code="LI537"))
    stage.world.checks.clear()
    fresh = FeedCheck(stage.world)
    with pytest.raises(Broken, match=r"LI537 .* never happened"):
        fresh.look()


def test_events_that_vanish_from_the_table_are_missed(stage):
    stage.world.run(on(10, 9))
    change(stage, sa.delete(EventRow))
    broken(stage, "have vanished", until=on(11, 10))


def test_a_damaged_parcel_without_its_incident_is_found(stage, monkeypatch):
    monkeypatch.setattr(incidents, "_attend", lambda *_: None)
    broken(stage, f"{NUMBER} is damaged_or_lost and has no incident")


def test_an_open_incident_of_which_nothing_is_due_is_found(stage, monkeypatch):
    monkeypatch.setattr("tracker.steps.guard.UNGUARDED", sa.false())
    stage.at(on(12, 8), lambda: change(stage, sa.update(Incident).values(next_due_at=None)))
    broken(stage, "nothing of it is due")


def test_a_ladder_that_goes_down_is_found(stage):
    stage.at(on(13, 11), lambda: change(stage, sa.update(Incident).values(level=0)))
    broken(stage, "the ladder of I000001 went down to 0")


def test_a_letter_outside_the_depots_hours_is_found(stage, monkeypatch):
    monkeypatch.setattr(letters, "opens_at", lambda _session, _tools, _notice, now: now)
    time = ladder._time
    monkeypatch.setattr(
        ladder, "_time", lambda rung, *rest: rest[-1] if rung.to is Receiver.DEPOT else time(rung, *rest)
    )
    broken(stage, "SEUR Badajoz got a depot_reminder at 2026-11-12T13:20:00.* when it is closed")


def test_a_customer_asked_at_night_is_found(stage, monkeypatch):
    monkeypatch.setattr(letters, "opens_at", lambda _session, _tools, _notice, now: now)
    monkeypatch.setattr("tracker.store.closing.timedelta", lambda days: timedelta(days=days, hours=4))
    broken(stage, f"the customer of {NUMBER} was asked at 00:30")


def remind_late(stage):
    """A reminder that waits for the depot's next opening while the incident is resolved."""
    with stage.world.scene.tools.store.begin() as session:
        outbox_rows.put(
            session, Topic.DEPOT_REMINDER, "planted", stage.world.now, recipient="depot:1", incident_id=1, shipment_id=1
        )


def test_a_letter_of_the_ladder_after_resolution_is_found(stage, monkeypatch):
    monkeypatch.setattr(letters, "wanted", lambda *_: True)
    stage.at(on(13, 20, 25), lambda: remind_late(stage))
    broken(stage, "depot_reminder went out for I000001 after it was resolved")


def test_without_the_planted_bug_that_letter_does_not_go_out(stage):
    stage.at(on(13, 20, 25), lambda: remind_late(stage))
    stage.world.run(STORIES["broken-desk"].until)
    assert [letter.topic for letter in stage.letters].count(Topic.DEPOT_REMINDER) == 1


def test_a_refund_before_its_intent_is_committed_as_being_sent_is_found(stage):
    stage.at(on(12, 9), lambda: stage.world.provider.on_request("I000001-refund-1"))
    broken(stage, "was sent before its intent was committed")


def test_a_refund_under_a_new_key_every_time_is_found(stage, monkeypatch):
    keys = iter("abcdefgh")
    sign = webhook.webhooks.sign
    monkeypatch.setattr(webhook.webhooks, "sign", lambda secret, key, *rest: sign(secret, f"{key}{next(keys)}", *rest))
    broken(stage, "was sent before its intent was committed")


def test_an_order_that_is_refunded_twice_is_found_in_the_ledger(stage):
    stage.world.run(on(14, 8))
    (entry,) = stage.world.provider.ledger.values()
    stage.world.provider.ledger["another"] = entry
    broken(stage, "order A-2026-1105 was refunded twice")


def test_money_that_stays_set_aside_without_a_refund_is_found(stage):
    stage.world.run(on(11, 12))
    with stage.world.scene.tools.store.begin() as session:
        refunds.reserve(session, 1, 100)
    broken(stage, "the money set aside on order A-2026-1105", until=on(13, 9))


def test_a_refund_for_a_parcel_with_which_nothing_is_wrong_is_found(stage):
    stage.world.fates[NUMBER] = Fate.FINE
    stage.desk.scans = [scan for scan in stage.desk.scans if scan.trouble is None]
    check = stage.world.provider.on_request
    stage.world.run(on(8, 9))
    with stage.world.scene.tools.store.begin() as session:
        _sending(session)
    with pytest.raises(Broken, match=f"asked for {NUMBER}, with which nothing is wrong"):
        check("K-1")


def _sending(session):
    """An intent that is being sent although the parcel is fine."""
    policy = pinned(session, BUILT_IN)
    incident = Incident(ref="X1", shipment_id=1, kind=Kind.LOST, policy_id=policy.id, opened_at=on(8, 9))
    session.add(incident)
    session.flush()
    session.add(
        Remedy(
            order_id=1, incident_id=incident.id, seq=1, amount_minor=100, currency="EUR", key="K-1", provider="webhook",
            requested_at=on(8, 9), requested_by="rule", state=State.SENDING,
        )
    )  # fmt: skip


@pytest.fixture
def silent(sqlite_url):
    """Nobody answers, and SEUR's feed is silent from before the announced refund until the day after."""
    stage = Stage(sqlite_url)
    STORIES["never-answered"].script(stage)
    stage.world.seur.outages.append((on(16, 8), on(17, 12)))
    return stage


def test_a_refund_waits_while_the_feed_is_silent(silent):
    silent.world.run(STORIES["never-answered"].until)
    (entry,) = silent.world.provider.ledger.values()
    assert on(17, 12) <= entry.asked_at < on(17, 15)


def test_a_refund_that_rests_on_a_silent_feed_is_found(silent, monkeypatch):
    monkeypatch.setattr(feeds, "stale", lambda *_: False)
    broken(silent, f"the refund for {NUMBER} rests on a feed that has been silent")


def test_a_row_that_was_given_up_is_found(sqlite_url, monkeypatch):
    stage = Stage(sqlite_url)
    stage.disaster()

    def fails(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(incidents, "_attend", fails)
    stage.world.checks.clear()
    broken(stage, "findings 1 was given up: .*planted")


def test_a_letter_that_comes_twice_without_a_crash_is_found(stage):
    stage.world.run(on(12, 8))
    stage.world.mailbox.resends = 1
    broken(stage, "letters came twice after 0 crashes", until=on(13, 10))


def test_the_command_names_the_seed_and_the_broken_invariant(monkeypatch):
    monkeypatch.setattr(promises, "set_next_due", lambda *_: None)
    answer = CliRunner().invoke(simulate, ["--parcels", "60", "--days", "12", "--seed", "3"])
    assert answer.exit_code == 1
    assert "seed 3: I0" in answer.stderr
    assert "is open and nothing of it is due" in answer.stderr


def test_a_depots_calendar_in_the_checks_is_the_depots_own():
    badajoz = hours_of(OFFICES[0])
    assert is_open(badajoz, on(12, 13, 59))
    assert not is_open(badajoz, on(12, 14, 20))
