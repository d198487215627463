"""A worker may be killed anywhere between two commits and calls: the money moves once, and nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kill.merchant import open_merchant

pytestmark = pytest.mark.kill
ROOT = Path(__file__).resolve().parents[2]


SCENARIOS = {"reported": {1, 2}, "looked up": {1}}
"""How often the request goes out for one refund: again where nobody can be asked, never where somebody can."""


def played(scenario, url, folder):
    """What came of the road for every crossing at which its worker was killed."""
    with open_merchant(folder / "ledger") as merchant:
        command = [sys.executable, "-m", "tests.kill.driver", scenario, url, str(folder), merchant.url]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def repeated(words):
    return len(words) - len(set(words))


@pytest.mark.parametrize(("scenario", "times"), SCENARIOS.items(), ids=SCENARIOS)
def test_INV_M1_a_refund_killed_anywhere_is_paid_once_and_nothing_is_lost(scenario, times, store_url, tmp_path):
    cases = played(scenario, store_url, tmp_path)
    *killed, whole = cases
    assert len(killed) >= 20, "there are at least so many commits and calls on this road"
    assert "killed" not in whole["fates"]
    assert {case["fates"][0] for case in killed} == {"killed"}
    for case in cases:
        deaths = case["fates"].count("killed")
        the_money_moved_once(case, deaths)
        nothing_is_lost(case)
        mails_are_doubled_only_by_a_death(case, deaths)
    assert {len(case["requests"]) for case in cases} == times


def the_money_moved_once(case, deaths):
    (refund,) = case["refunds"]
    requests = case["requests"]
    assert {request["key"] for request in requests} == {refund[0]}, case
    assert len({request["body"] for request in requests}) == 1, case
    assert len(requests) <= 1 + deaths, case
    assert all(request["signed"] for request in requests), case
    body = json.loads(requests[0]["body"])
    assert body == {
        "refund_id": refund[0],
        "order_number": case["order"],
        "amount": "180.00",
        "currency": "EUR",
        "reason": "damaged_or_lost",
        "test": False,
    }


def nothing_is_lost(case):
    assert case["fates"][-1] == "idle", case
    assert [state for _, state in case["refunds"]] == ["succeeded"], case
    assert (case["outcome"], case["reserved"], case["left"]) == ("refunded", 18000, []), case
    assert len(case["promises"]) == 1, case
    assert case["promises"][0] in {"kept", "kept_late"}, case
    for once in ("refund_requested", "refund_approved", "refund_succeeded", "resolved"):
        assert case["story"].count(once) == 1, case
    assert case["notices"] == [
        ["customer_followup", "waiting"],
        ["customer_refund_requested", "sent"],
        ["customer_refunded", "sent"],
    ], case


def mails_are_doubled_only_by_a_death(case, deaths):
    assert len(set(case["mails"])) == 2, case
    assert repeated(case["mails"]) <= deaths, case


def test_the_harness_finds_a_road_that_forgets(tmp_path, sqlite_url):
    """A worker that sends before it has committed pays twice, and the same checks say so."""
    cases = played("careless", sqlite_url, tmp_path)
    assert any(len({request["key"] for request in case["requests"]}) > 1 for case in cases)
