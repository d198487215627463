"""The same services behind a real socket on this machine's loopback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from tracker.simulator.wire.calls import Answer, Call, Dropped, Service


@contextmanager
def serving(services: Mapping[str, Service], port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 while the block runs; gives the base URL, behind which each service has its own first folder.

    `services` by that folder: the one named "seur" answers below http://127.0.0.1:PORT/seur.
    """
    door = Door(services, port)
    thread = Thread(target=door.serve_forever, name="carriers", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.server_address[1]}"
    finally:
        door.shutdown()
        door.server_close()
        thread.join()


class Door(ThreadingHTTPServer):
    """The socket.  The services' books know no threads, so they are asked one request at a time."""

    daemon_threads = True

    def __init__(self, services: Mapping[str, Service], port: int) -> None:
        """Open the port; 0 takes any that is free."""
        super().__init__(("127.0.0.1", port), Handler)
        self._services = services
        self._one_at_a_time = Lock()

    def ask(self, name: str, call: Call) -> Answer:
        """The answer of the service of that name.  Raises Dropped when its line breaks."""
        with self._one_at_a_time:
            return self._services[name].answer(call) if name in self._services else Answer(404)


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers, over connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the client's word that the headers have come

    def do_GET(self) -> None:
        """A look-up."""
        self._serve()

    def do_POST(self) -> None:
        """A token or a refund."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the output is the demo's."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        _, name, *rest = parts.path.split("/")
        headers = {key.lower(): value for key, value in self.headers.items()}
        call = Call(self.command, f"/{'/'.join(rest)}", dict(parse_qsl(parts.query)), headers, body)
        try:
            self._say(cast(Door, self.server).ask(name, call))
        except Dropped:
            self.close_connection = True

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
