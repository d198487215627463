"""The sample answers: those that we built, and the collected ones where they lie beside the project."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "tests/samples"
FEEDS = ROOT.parent / "shared/feeds"


def built(name: str) -> bytes:
    return (BUILT / name).read_bytes()


def data(name: str) -> Any:
    return json.loads(built(name))
