"""A worker may be killed anywhere on a parcel's whole road: every date, rung, mail and refund still comes once."""

import json
import re
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest

from tests.kill.feed import open_carrier
from tests.kill.merchant import open_merchant
from tests.kill.parcel import STOPS

pytestmark = pytest.mark.kill
ROOT = Path(__file__).resolve().parents[2]

FLIGHT = {"refund_sent", "refund_unknown", "refund_pending", "refund_referenced"}
"""How a refund that was sent gets to its end: a death makes it ask what became of it."""
ROAD = [
    "incident_opened",
    "promise_made answer",
    "promise_made refund",
    "notice_sent customer_opened",
    "notice_sent depot_question",
    "promise_nudged",
    "notice_sent depot_nudge",
    "promise_broken answer",
    "reminded 1 depot",
    "notice_sent depot_reminder",
    "escalated 2 manager",
    "notice_sent manager_escalation",
    "escalated 3 desk",
    "notice_sent desk_escalation",
    "refund_requested",
    "refund_approved",
    "promise_kept refund",
    "notice_sent customer_refund_requested",
    "refund_succeeded",
    "resolved refunded",
    "notice_sent customer_refunded",
    "followup_asked customer_followup",
]
"""What the timeline tells, each once, the refund's flight aside."""
CHANGES = [
    "incidents incident_opened",
    "promises answer promise_made",
    "promises refund promise_made",
    "incidents remedy_moved",
    "promises answer promise_nudged",
    "promises answer promise_broken",
    "incidents ladder_started",
    "incidents escalated 1",
    "incidents escalated 2",
    "incidents escalated 3",
    "remedies refund_requested",
    "remedies refund_approved",
    "promises refund promise_kept",
    "incidents remedy_asked",
    "remedies refund_succeeded",
    "incidents resolved",
]
"""What the audit trail tells, each once, the refund's flight aside."""


def played(url, folder):
    """What came of the road: left alone first, then killed at every crossing."""
    with open_merchant(folder / "ledger") as merchant, open_carrier(folder) as carrier:
        command = [sys.executable, "-m", "tests.kill.road", url, str(folder), merchant.url, carrier]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_INV_M1_a_whole_road_killed_anywhere_ends_as_if_nothing_had_happened(store_url, tmp_path):
    whole, *killed = played(store_url, tmp_path)
    assert whole["deaths"] == []
    assert Counter(whole["mails"]) == Counter(set(whole["mails"])), "without a death nothing is said twice"
    every_crossing_was_fatal(whole["crossings"], [death for case in killed for death in case["deaths"]])
    for case in (whole, *killed):
        everything_came_once(case)
        the_money_moved_once(case)
        mails_are_doubled_only_by_a_death_before_the_store(case)
        nothing_is_left(case)
    the_checks_find_what_comes_twice(whole)


def every_crossing_was_fatal(crossings, deaths):
    """Each at every stop of the clock that has it; those of a poll, the same at every stop, at one of them."""
    assert len(crossings) == len(STOPS)
    died = {(death["stop"], death["crossing"]) for death in deaths}
    polls = {name for names in crossings for name in names if name.startswith("tracker.steps.polling")}
    others = {(stop, name) for stop, names in enumerate(crossings) for name in names if name not in polls}
    assert len(polls) >= 8
    assert len(others) >= 100, "there are at least so many commits, calls and mails on this road"
    assert died >= others
    assert {name for _stop, name in died} >= polls
    steps = {re.split(r"[.:]", name)[2] for _stop, name in died}
    assert steps == {"polling", "incidents", "promises", "ladder", "refunds", "outbox"}, "every job that has work here"


def everything_came_once(case):
    assert case["events"] == ["SX010", "SX001", "LI428", "LK560"], case
    assert case["findings"] == ["damaged_or_lost"], case
    assert case["incidents"] == [["resolved", "refunded", 3]], case
    assert case["tasks"] == [], case
    assert Counter(on_time(told(*entry) for entry in case["story"] if entry[0] not in FLIGHT)) == Counter(ROAD), case
    changes = [change for change in case["audit"] if change[1] not in FLIGHT]
    assert Counter(on_time(changed(*change) for change in changes)) == Counter(CHANGES), case


def told(kind, body):
    """An entry of the timeline in words; whom a notice went to is told by its topic."""
    named = [body[name] for name in ("action", "level", "topic", "outcome") if name in body]
    return " ".join(map(str, [kind, *named, *([body["to"]] if "level" in body else [])]))


def changed(thing, action, level):
    return " ".join([*thing.strip(":").split(":"), action, *([str(level)] if level else [])])


def on_time(words):
    """A worker that comes back after the announced minute keeps the promise late: that is kept, and once."""
    return [word.replace("promise_kept_late", "promise_kept") for word in words]


def the_money_moved_once(case):
    ((key, state, amount),) = case["refunds"]
    assert (state, amount, case["reserved"]) == ("succeeded", 18000, 18000), case
    (request,) = case["requests"]
    assert (request["key"], request["signed"]) == (key, True), case
    body = json.loads(request["body"])
    assert (body["refund_id"], body["order_number"], body["amount"]) == (key, case["order"], "180.00"), case


def mails_are_doubled_only_by_a_death_before_the_store(case):
    """One Message-ID a notice, which a death between hand-over and store sends once more."""
    assert {state for _topic, state, _key in case["notices"]} == {"sent"}, case
    assert len({topic for topic, _state, _key in case["notices"]}) == len(case["notices"]) == 9, case
    ids = {f"<{key.replace(':', '.')}@127.0.0.1>" for _topic, _state, key in case["notices"]}
    times = Counter(case["mails"])
    assert set(times) == ids, case
    lost = Counter(death["handed"] for death in case["deaths"])
    assert all(times[known] <= 1 + lost[known] for known in ids), case


def nothing_is_left(case):
    assert case["left"] == [], case
    performed = [
        (performer, action, state.replace("kept_late", "kept")) for performer, action, state in case["promises"]
    ]
    assert performed == [("depot", "answer", "broken"), ("merchant", "refund", "kept")], case


def the_checks_find_what_comes_twice(whole):
    """The same checks on a road on which something did come twice, or stayed undone."""
    for name in ("events", "incidents", "story", "audit", "requests", "refunds", "mails", "notices"):
        for place in range(len(whole[name])):
            if name in {"story", "audit"} and FLIGHT & {str(word) for word in whole[name][place][:2]}:
                continue
            twice = deepcopy(whole)
            twice[name].append(twice[name][place])
            assert faults(twice) == 1, f"{name} {place}"
    assert faults({**whole, "left": ["outbox:1"]}) == 1
    assert faults({**whole, "reserved": 36000}) == 1


def faults(case):
    found = 0
    for check in (
        everything_came_once,
        the_money_moved_once,
        mails_are_doubled_only_by_a_death_before_the_store,
        nothing_is_left,
    ):
        try:
            check(case)
        except (AssertionError, ValueError):
            found += 1
    return found
