"""The refund provider's own ledger: each id once, signatures checked, wrongs remembered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tracker.clock import Simulated
from tracker.domain.refunds import State
from tracker.outside.refund_providers.base import Intent
from tracker.outside.refund_providers.webhook import Webhook
from tracker.outside.webhooks import BadSignature
from tracker.simulator.crashes import Fuse
from tracker.simulator.setting import REFUNDS
from tracker.simulator.wire import refunds
from tracker.simulator.wire.line import InProcess

NOW = datetime(2026, 11, 13, 16, 30, tzinfo=UTC)
INTENT = Intent(key="I1-refund-1", order_number="A-1", amount_minor=18_000, currency="EUR", reason="broken")


@pytest.fixture
def clock():
    return Simulated(NOW)


@pytest.fixture
def provider(clock):
    return refunds.Provider(clock)


@pytest.fixture
def webhook(provider):
    return Webhook(InProcess({refunds.HOST: provider}, Fuse()), REFUNDS, refunds.SECRET, REFUNDS)


def test_an_accepted_refund_is_pending_until_the_money_moves(webhook, provider):
    assert webhook.send(INTENT, NOW).state is State.PENDING
    assert webhook.look_up(INTENT, NOW).state is State.PENDING
    provider.pay(INTENT.key)
    assert webhook.look_up(INTENT, NOW).state is State.SUCCEEDED


def test_the_same_refund_twice_is_one_entry(webhook, provider):
    webhook.send(INTENT, NOW)
    webhook.send(INTENT, NOW)
    (entry,) = provider.ledger.values()
    assert (entry.asked, entry.amount, provider.wrongs) == (2, "180.00", [])


def test_the_same_id_with_another_amount_is_refused_and_remembered(webhook, provider):
    webhook.send(INTENT, NOW)
    webhook.send(replace(INTENT, amount_minor=9_000), NOW)
    assert provider.ledger[INTENT.key].amount == "180.00"
    assert provider.wrongs == ["refund I1-refund-1 came a second time with another body"]


def test_a_wrong_signature_moves_nothing(provider):
    stranger = Webhook(InProcess({refunds.HOST: provider}, Fuse()), REFUNDS, "c29tZWJvZHkgZWxzZQ==", REFUNDS)
    assert stranger.send(INTENT, NOW).state is State.UNKNOWN
    assert provider.ledger == {}


@pytest.mark.parametrize(("side", "entries"), [("before", 0), ("after", 1)])
def test_a_broken_line_leaves_the_outcome_unknown_on_either_side_of_the_ledger(webhook, provider, side, entries):
    provider.lines_to_break.append(side)
    assert webhook.send(INTENT, NOW).state is State.UNKNOWN
    assert len(provider.ledger) == entries
    found = webhook.look_up(INTENT, NOW)
    assert (found is None) is (entries == 0)


def test_a_report_is_believed_by_the_real_receiver_for_five_minutes(webhook, provider):
    webhook.send(INTENT, NOW)
    entry = provider.pay(INTENT.key)
    body, headers = provider.callback(entry)
    report = webhook.receive(headers, body, NOW)
    assert (report.refund_id, report.outcome.state) == (INTENT.key, State.SUCCEEDED)
    with pytest.raises(BadSignature):
        webhook.receive(headers, body, NOW + timedelta(minutes=6))
    with pytest.raises(BadSignature):
        webhook.receive(headers, body.replace(b"succeeded", b"failed   "), NOW)


def test_the_bank_may_refuse_and_a_refund_is_paid_only_once(webhook, provider):
    webhook.send(INTENT, NOW)
    assert provider.pay(INTENT.key, fails=True).status == "failed"
    assert provider.pay(INTENT.key).status == "failed"
    assert webhook.look_up(INTENT, NOW).state is State.FAILED
