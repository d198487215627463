"""CPU time in turns: the floor and ours by the same clock in one process, and the line that says how they compare."""

import gc
import statistics
import time
from contextlib import contextmanager

from tracker.store.base import Store


@contextmanager
def spent(into):
    """Add the CPU seconds that the block took in this process to a list."""
    start = time.process_time()
    yield
    into.append(time.process_time() - start)


@contextmanager
def no_collector():
    """What the collector of garbage does in between belongs to neither side."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def compare(what, limit, units, floor, ours):
    """The ratio of the medians, printed as one line of a table; times are seconds, `units` what one of them holds."""
    least, took = statistics.median(floor) / units * 1e6, statistics.median(ours) / units * 1e6
    print(f"\n| {what} | floor {least:.1f} us | ours {took:.1f} us | {took / least:.2f}x | limit {limit}x |")
    return took / least


class TimedStore(Store):
    """A store that notes the CPU seconds of every write transaction, the commit included."""

    def __init__(self, *args):
        super().__init__(*args)
        self.writes = []

    @contextmanager
    def begin(self):
        with spent(self.writes), super().begin() as session:
            yield session
