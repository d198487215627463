"""`flask demo`: a real process that makes a small world, serves the three faces, ends cleanly and goes on later."""

import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from tracker.outside.http import Http

SMALL = """
import sys
from pathlib import Path
from tracker.cli import demo as command
from tracker.simulator import demo as world
world.PARCELS, world.WEEKS, command.FOLDER = 8, 1, Path(sys.argv.pop(1))
command.demo()
"""


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


class Demo:
    """The demo in a process of its own, with a world of eight parcels."""

    def __init__(self, folder, port):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SMALL, str(folder), "--port", str(port)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said = ""

    def wait_for(self, words, seconds=90):
        until = time.monotonic() + seconds
        while words not in self.said:
            assert time.monotonic() < until, self.said
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        return self.said

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(port):
        running.append(Demo(tmp_path, port))
        return running[-1]

    yield begin
    for demo in running:
        if demo.process.poll() is None:
            demo.process.kill()
        demo.process.communicate()


def test_the_demo_serves_three_faces_ends_on_sigterm_and_goes_on_when_run_again(start):
    port = free_port()
    demo = start(port)
    said = demo.wait_for("The demo is serving")
    pages = re.findall(rf"http://127\.0\.0\.1:{port}/\S+", said)
    customer, depot, console = (next(page for page in pages if f"/{face}/" in page) for face in ("p", "d", "ops/in"))
    answers = {face: Http().send("GET", page) for face, page in zip("cdo", (customer, depot, console), strict=True)}
    assert [answer.status for answer in answers.values()] == [200, 200, 200]
    assert b"DESK-0001" in answers["c"].body
    assert b"DESK-0001" in answers["d"].body

    second = start(port)
    assert second.process.wait(timeout=60) == 2
    assert f"Port {port} is taken" in second.process.stdout.read()

    assert demo.end() == 0
    assert demo.said.strip().endswith("it goes on from here.")

    again = start(port)
    assert "Going on with the demo's world" in again.wait_for("The demo is serving")
    assert customer in again.said
    assert again.end() == 0
    assert "Traceback" not in demo.said + again.said
