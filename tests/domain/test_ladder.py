"""Policy as data: read whole or refused by name; the rungs in order; what is far."""

from datetime import timedelta

import pytest

from tracker.domain.ladder import BUILT_IN, PolicyError, Receiver, Rung, is_far, read, rung


def test_a_policy_survives_its_storing():
    assert read(BUILT_IN.as_json()) == BUILT_IN


def test_a_policy_says_only_what_it_changes():
    changed = read({"name": "patient", "unconfirmed_minutes": 90, "rungs": [{"to": "desk", "working_days": 2}]})
    assert changed.patience == timedelta(minutes=90)
    assert changed.rungs == (Rung(Receiver.DESK, working_days=2),)
    assert changed.refund_working_days == BUILT_IN.refund_working_days


WRONG = {
    "an unknown entry": ({"refund_workin_days": 3}, "refund_workin_days"),
    "a text for a number": ({"refund_working_days": "three"}, "refund_working_days"),
    "a yes for a number": ({"unconfirmed_minutes": True}, "unconfirmed_minutes"),
    "a number for a text": ({"staff_hours": 8}, "staff_hours"),
    "a negative time": ({"nudge_business_hours": -1}, "nudge_business_hours"),
    "a rung without a receiver": ({"rungs": [{"business_hours": 4}]}, "rung 1"),
    "a rung to nobody we know": ({"rungs": [{"to": "depot"}, {"to": "king"}]}, "rung 2"),
    "a rung that is no object": ({"rungs": ["depot"]}, "rung 1"),
}


@pytest.mark.parametrize(("body", "named"), WRONG.values(), ids=WRONG)
def test_a_policy_that_cannot_be_used_is_refused_by_name(body, named):
    with pytest.raises(PolicyError, match=named):
        read(body)


def test_the_rungs_come_in_order_and_end():
    told = [rung(BUILT_IN, level) for level in range(5)]
    assert [one.to if one else None for one in told] == [Receiver.DEPOT, Receiver.MANAGER, Receiver.DESK, None, None]


FAR = {
    "Badajoz": ("ES", "06001", False),
    "Palma": ("ES", "07001", True),
    "Las Palmas": ("ES", "35001", True),
    "Tenerife": ("ES", "38001", True),
    "Ceuta": ("ES", "51001", True),
    "Melilla": ("ES", "52001", True),
    "Porto": ("PT", "4000", True),
}


@pytest.mark.parametrize(("country", "postcode", "far"), FAR.values(), ids=FAR)
def test_what_has_a_sea_or_a_border_to_cross_is_far(country, postcode, far):
    assert is_far(country, postcode) == far
