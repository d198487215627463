"""How dear it is to read a carrier's answer and to fold it, against the least that could be done."""

import json
import statistics
import time
from datetime import datetime

import orjson
import pytest

from tests.carriers.samples import data
from tracker.carriers import CARRIERS
from tracker.carriers.base import Wanted, understand
from tracker.domain.events import Event
from tracker.domain.status import fold
from tracker.outside import strict_json

pytestmark = pytest.mark.benchmark

SEUR = CARRIERS["seur"]
ROAD = [
    "SX010",
    "SX001",
    "LI428",
    "LT859",
    "LI406",
    "LI515",
    "LC001",
    "LI523",
    "LI515",
    "LC003",
    "LI535",
    "LI406",
    "LC001",
    "LI574",
    "LL001",
]
OURS = Wanted("PED-1001", "06001", "ES")


def answer():
    whole = data("seur/built_lost.json")
    whole["data"][0]["situations"] = [
        {
            "eventCode": code,
            "description": "TEXTO DE UNA SITUACIÓN",
            "situationDate": f"2026-11-{2 + day:02}T09:15:30.000",
        }
        for day, code in enumerate(ROAD)
    ]
    return json.dumps(whole, ensure_ascii=False).encode()


def floor(body):
    """Parse and walk, believing everything, into the same fields."""
    found = []
    for entry in orjson.loads(body)["data"]:
        for told in entry["situations"]:
            means = SEUR.codes.rows[told["eventCode"]]
            found.append(
                Event(
                    entry["ref"], datetime.fromisoformat(told["situationDate"]).replace(tzinfo=SEUR.zone), False,
                    told["eventCode"], told["description"], told["situationDate"], means.stage, means.exception,
                    means.direction, means.handover_to, means.place, means.depot,
                )
            )  # fmt: skip
    return found


def microseconds(call, times=200):
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times * 1e6


def medians(*calls):
    """CPU time of each call, measured in turns in one process."""
    rounds = [[microseconds(call) for call in calls] for _ in range(7)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def test_fifteen_events_of_seur_are_read_at_twice_the_least():
    body = answer()
    least, ours = medians(
        lambda: floor(body), lambda: understand(SEUR, 200, body, [OURS], orjson.loads).events["PED-1001"]
    )
    print(f"\nleast {least:.1f} us, ours {ours:.1f} us: {ours / least:.2f}x")
    assert len(floor(body)) == len(understand(SEUR, 200, body, [OURS], strict_json.loads).events["PED-1001"]) == 15
    assert ours <= 2 * least


def test_fifteen_events_fold_in_the_time_of_a_few_parses():
    events = understand(SEUR, 200, answer(), [OURS], strict_json.loads).events["PED-1001"]
    least, ours = medians(lambda: floor(answer()), lambda: fold(events))
    print(f"\nleast parse {least:.1f} us, fold {ours:.1f} us")
    assert ours <= 3 * least
