"""The line in process: a `Sender` that hands a request to the service of its host, with no network between."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from tracker.outside.http import Pairs, Reply, Unreachable
from tracker.simulator.crashes import Fuse
from tracker.simulator.wire.calls import Call, Dropped, Service


class InProcess:
    """Routes by host; both sides of every request are points at which the tracker's process may crash."""

    def __init__(self, services: Mapping[str, Service], fuse: Fuse) -> None:
        """`services` by host name."""
        self._services = services
        self._fuse = fuse

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Pairs = (),
        headers: Pairs = (),
        form: Pairs | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request, as `Sender.send` says."""
        self._fuse.burn()
        parts = urlsplit(url)
        service = self._services.get(parts.hostname or "")
        if service is None:
            raise Unreachable(f"{parts.hostname} is no host of this world.")
        query = {**dict(parse_qsl(parts.query)), **dict(params)}
        lower = {name.lower(): value for name, value in dict(headers).items()}
        try:
            answer = service.answer(Call(method, parts.path, query, lower, _body(form, json, content)))
        except Dropped as why:
            raise Unreachable(f"{parts.hostname} gave no answer: {why}.") from why
        self._fuse.burn()
        return Reply(answer.status, {"content-type": answer.content_type}, answer.body)


def _body(form: Pairs | None, json: object, content: bytes | None) -> bytes:
    if form is not None:
        return urlencode(dict(form)).encode()
    return orjson.dumps(json) if json is not None else content or b""
