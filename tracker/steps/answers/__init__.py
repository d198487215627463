"""What people answer on their pages, and what follows from it."""

from tracker.steps.answers.customer import all_well, asked_promise, choose, did_they_call
from tracker.steps.answers.depot import DepotAnswer, depot_says

__all__ = ["DepotAnswer", "all_well", "asked_promise", "choose", "depot_says", "did_they_call"]
