"""Chance from one seed: each use has a stream of its own, so that one more draw here changes nothing there."""

import random
from datetime import timedelta
from zlib import crc32


class Chance:
    """Streams of chance that are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Begin from a seed."""
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    def of(self, name: str) -> random.Random:
        """The stream with that name."""
        if name not in self._streams:
            self._streams[name] = random.Random(crc32(f"{self.seed}:{name}".encode()))
        return self._streams[name]


def between(stream: random.Random, least: timedelta, most: timedelta) -> timedelta:
    """A span from `least` to `most`, in whole minutes."""
    low, high = (int(span.total_seconds() // 60) for span in (least, most))
    return timedelta(minutes=stream.randint(low, high))
