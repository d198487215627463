"""Every topic has its rule and its words; the ladder's end with the incident, receipts do not."""

import pytest

from tracker.domain.notices import RULES, Hours, Topic, Wanted
from tracker.outside.words import TEMPLATES

LADDER = {Topic.DEPOT_REMINDER, Topic.MANAGER_ESCALATION, Topic.DESK_ESCALATION}
TO_OFFICES = LADDER | {Topic.DEPOT_QUESTION, Topic.DEPOT_NUDGE}
RECEIPTS = {Topic.CUSTOMER_REFUND_REQUESTED, Topic.CUSTOMER_REFUNDED}


@pytest.mark.parametrize("topic", Topic)
def test_every_topic_has_a_rule_and_a_template(topic):
    assert topic in RULES
    assert (TEMPLATES / "mail" / f"{topic}.txt").is_file()


@pytest.mark.parametrize("topic", sorted(TO_OFFICES))
def test_offices_are_written_to_in_their_own_hours(topic):
    assert RULES[topic].hours is Hours.RECEIVER


@pytest.mark.parametrize("topic", sorted(LADDER))
def test_the_ladder_speaks_only_while_it_climbs(topic):
    assert RULES[topic].wanted is Wanted.WHILE_UNRESOLVED_LEVEL


@pytest.mark.parametrize("topic", sorted(RECEIPTS))
def test_receipts_go_out_whatever_has_become_of_the_incident(topic):
    assert RULES[topic].wanted is Wanted.WHILE_REFUNDED
    assert RULES[Topic.CUSTOMER_LINK].wanted is Wanted.ALWAYS


def test_customers_are_asked_by_day_and_the_last_question_comes_after_the_end():
    assert RULES[Topic.CUSTOMER_ASKED].hours is RULES[Topic.CUSTOMER_FOLLOWUP].hours is Hours.CUSTOMER
    assert RULES[Topic.CUSTOMER_FOLLOWUP].wanted is Wanted.WHILE_RESOLVED
