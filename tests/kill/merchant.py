"""A merchant's refund system on a local socket: it pays once a key, and keeps its ledger in a file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from tracker.outside import webhooks

SECRET = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3RzLCAzMiBieXRlcyE="


class Merchant(ThreadingHTTPServer):
    """Answers POST with 202 and GET with what became of a refund; whatever arrives is a line of the ledger."""

    daemon_threads = True

    def __init__(self, ledger: Path):
        super().__init__(("127.0.0.1", 0), Desk)
        self.ledger = ledger
        self.ledger.touch()
        self.lock = Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Desk(BaseHTTPRequestHandler):
    """One request."""

    server: Merchant
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["webhook-id"]
        stamp = int(self.headers["webhook-timestamp"])
        signed = webhooks.sign(SECRET, key, datetime.fromtimestamp(stamp, UTC), body)["webhook-signature"]
        line = {"key": key, "body": body.decode(), "signed": signed == self.headers["webhook-signature"]}
        with self.server.lock, self.server.ledger.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._say(202, b"{}")

    def do_GET(self) -> None:
        key = parse_qs(urlsplit(self.path).query)["refund_id"][0]
        known = any(line["key"] == key for line in requests(self.server.ledger))
        told = {"refund_id": key, "status": "succeeded", "provider_refund_id": f"pay-{key}", "reason": ""}
        self._say(200 if known else 404, json.dumps(told).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        pass


def requests(ledger: Path) -> list[dict]:
    """Every request that ever arrived, in order."""
    return [json.loads(line) for line in ledger.read_text().splitlines()]


@contextmanager
def open_merchant(ledger: Path) -> Iterator[Merchant]:
    """The merchant's system, running."""
    server = Merchant(ledger)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
