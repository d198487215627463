"""The one HTTP client: bounded in time and size against servers that misbehave, and polite to those that do not."""

import gzip
import socket
import ssl
import threading
import time

import pytest

from tests.outside.loopback import CERTIFICATE, dripping, raw, resetting, said, serving, silent
from tracker.outside import wire
from tracker.outside.http import BadBody, Http, Limits, TooLarge, Unreachable

QUICK = Limits(connect=0.4, read=0.3, total=0.6)
LIMIT = Limits().body
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"


def quick() -> Http:
    return Http("tests", limits=QUICK)


def zipped(data: bytes) -> tuple[bytes, str, str]:
    return gzip.compress(data, 9), "200 OK", "Content-Encoding: gzip"


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_get_carries_its_query_and_headers_and_gives_status_headers_and_body():
    with serving(said(b'{"a": 1}', "200 OK", "X-Rate-Left: 7")) as server:
        reply = Http("tracker-tests/1").send(
            "GET", f"{server.url}/v2/one?lang=es", params={"n": "a b&ñ"}, headers={"Key": "k"}
        )
    head = server.requests[0].decode().lower()
    assert reply == (200, {"content-length": "8", "x-rate-left": "7"}, b'{"a": 1}')
    assert head.startswith("get /v2/one?lang=es&n=a+b%26%c3%b1 http/1.1\r\n")
    assert "\r\nuser-agent: tracker-tests/1\r\naccept-encoding: gzip\r\nkey: k\r\n" in head
    assert f"\r\nhost: 127.0.0.1:{server.port}\r\n" in head


BODIES = {
    "a form": (
        {"form": {"user": "ñ&", "pass": "a b"}},
        b"application/x-www-form-urlencoded",
        b"user=%C3%B1%26&pass=a+b",
    ),
    "a form of pairs": ({"form": [("n", "1"), ("n", "2")]}, b"application/x-www-form-urlencoded", b"n=1&n=2"),
    "JSON": ({"json": {"n": "ñ"}}, b"application/json", '{"n":"ñ"}'.encode()),
    "bytes": ({"content": b"\x00", "headers": {"Content-Type": "text/plain"}}, b"text/plain", b"\x00"),
}


@pytest.mark.parametrize(("given", "kind", "body"), BODIES.values(), ids=BODIES)
def test_a_body_is_sent_with_its_kind_and_length(given, kind, body):
    with serving(said(b"", "204 No Content")) as server:
        assert quick().send("POST", server.url, **given) == (204, {"content-length": "0"}, b"")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert b"\r\nContent-Type: " + kind in head


@pytest.mark.parametrize("path", ["/a b", "/ñ", "/a%20b", ""], ids=["a blank", "no ASCII", "quoted before", "none"])
def test_any_path_can_be_asked_for(path):
    with serving(said(b"ok")) as server:
        assert quick().send("GET", server.url + path).body == b"ok"
    assert server.requests[0].split()[1] == {"/a b": b"/a%20b", "/ñ": b"/%C3%B1"}.get(path, path.encode() or b"/")


@pytest.mark.parametrize("status", [301, 302, 307, 404, 429, 500])
def test_every_status_is_a_reply_and_no_redirect_is_followed(status):
    with serving(said(b"there", f"{status} Odd", "Location: /elsewhere")) as server:
        reply = quick().send("GET", server.url)
    assert (reply.status, reply.body, reply.ok, len(server.requests)) == (status, b"there", False, 1)


def test_proxies_and_netrc_of_the_surroundings_are_ignored(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login secret password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(said(b"straight")) as server:
        assert quick().send("GET", server.url).body == b"straight"
    assert b"authorization" not in server.requests[0].lower()


def test_no_cookie_is_kept():
    with serving(said(b"", "200 OK", "Set-Cookie: session=1; Path=/")) as server:
        http = quick()
        replies = [http.send("GET", server.url) for _ in range(2)]
    assert [reply.headers["set-cookie"] for reply in replies] == ["session=1; Path=/"] * 2
    assert b"cookie" not in server.requests[1].lower()


# --- time -------------------------------------------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "says nothing": (silent, 0.3),
    "drips its headers": (dripping(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99, 0.05), 0.6),
    "drips its body": (dripping(b"x" * 50, 0.05, HEAD), 0.6),
    "drips chunks": (dripping(b"1\r\nx\r\n" * 99, 0.05, CHUNKED), 0.6),
    "drips a body without an end": (dripping(b"x" * 99, 0.05, b"HTTP/1.1 200 OK\r\n\r\n"), 0.6),
    "says continue for ever": (dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0.005), 0.6),
    "stops in mid body": (lambda peer, _: (peer.sendall(HEAD + b"x"), time.sleep(3)), 0.3),
}


@pytest.mark.parametrize(("behaviour", "seconds"), SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_server_that_is_slow_is_given_up_in_time(behaviour, seconds, tls):
    http = Http(limits=QUICK, trust=ssl.create_default_context(cafile=CERTIFICATE))
    with serving(behaviour, tls=tls) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"^127.0.0.1 gave no answer: .*(timed out|within 0.6 seconds)\.$"):
            http.send("GET", server.url)
        assert seconds - 0.05 < time.monotonic() - began < seconds + 1.5
        assert len(server.requests) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_server_that_takes_the_body_in_sips_is_given_up_in_time(tls):
    def sipping(peer, _request):
        while peer.recv(1 << 16):
            time.sleep(0.005)

    http = Http(limits=QUICK, trust=ssl.create_default_context(cafile=CERTIFICATE))
    with serving(sipping, tls=tls, speaks_first=True) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"(timed out|within 0.6 seconds)\.$"):
            http.send("POST", server.url, content=b"x" * 50_000_000)
        assert time.monotonic() - began < 2


def test_the_second_go_of_a_get_has_what_is_left_of_the_same_total():
    def dripping_and_gone(peer, request):
        dripping(b"HTTP/1.1 ", 0.05)(peer, request)
        resetting()(peer, request)

    with serving(said(b"1"), dripping_and_gone, SLOW["drips its body"][0]) as server:
        http = quick()
        http.send("GET", server.url)
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"(timed out|within 0.6 seconds)\.$"):
            http.send("GET", server.url)
        assert 0.55 < time.monotonic() - began < 0.9
    assert (server.connections, len(server.requests)) == (2, 3)


def test_the_real_limits_are_five_ten_and_twenty_seconds():
    limits = Limits()
    assert (limits.connect, limits.read, limits.total, limits.body) == (5, 10, 20, 5 * 1024 * 1024)


def test_a_connection_that_is_not_accepted_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as door:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(door.getsockname())
        began = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            quick().send("GET", f"http://127.0.0.1:{door.getsockname()[1]}")
        assert time.monotonic() - began < 2
        for filler in fillers:
            filler.close()


def test_a_tls_handshake_that_never_answers_is_given_up_in_time():
    with serving(silent) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            quick().send("GET", server.url.replace("http:", "https:"))
        assert time.monotonic() - began < 2


def test_a_resolver_that_never_answers_is_given_up_in_time(monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_args, **_more: free.wait(5) and [])
    began = time.monotonic()
    with pytest.raises(
        Unreachable, match=r"^carrier\.example gave no answer: the name carrier\.example was not resolved in time"
    ):
        quick().send("GET", "http://carrier.example/")
    free.set()
    assert 0.35 < time.monotonic() - began < 2


def test_a_name_that_does_not_exist_is_unreachable(monkeypatch):
    def fail(*_args, **_more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(wire.socket, "getaddrinfo", fail)
    with pytest.raises(Unreachable, match="Name or service not known"):
        quick().send("GET", "http://carrier.example/")


def test_the_second_address_of_a_name_is_tried(monkeypatch):
    with serving(said(b"second")) as server:
        both = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port)) for port in (closed_port(), server.port)]
        monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_args, **_more: both)
        assert quick().send("GET", "http://carrier.example/").body == b"second"


# --- size -------------------------------------------------------------------------------------------------------------

FITTING = {
    "plain": said(b"x" * LIMIT),
    "gzip": said(*zipped(b"x" * LIMIT)),
    "chunked": raw(CHUNKED + b"%x\r\n" % LIMIT + b"x" * LIMIT + b"\r\n0\r\n\r\n"),
    "until the connection ends": raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * LIMIT),
}


@pytest.mark.parametrize("behaviour", FITTING.values(), ids=FITTING)
def test_exactly_as_much_as_is_allowed_is_taken_in(behaviour):
    with serving(behaviour) as server:
        assert Http().send("GET", server.url).body == b"x" * LIMIT


ENDLESS = b"x" * (LIMIT + 1)
EXCESSIVE = {
    "plain": said(ENDLESS),
    "gzip": said(*zipped(ENDLESS)),
    "a gzip bomb of 40 MB": said(*zipped(b"\0" * 40_000_000)),
    "one chunk": raw(CHUNKED + b"%x\r\n" % len(ENDLESS) + ENDLESS + b"\r\n0\r\n\r\n"),
    "many chunks": raw(CHUNKED + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 200),
    "a chunk of negative size": raw(CHUNKED + b"-1\r\n" + ENDLESS * 2),
    "until the connection ends": raw(b"HTTP/1.1 200 OK\r\n\r\n" + ENDLESS),
}


@pytest.mark.parametrize("behaviour", EXCESSIVE.values(), ids=EXCESSIVE)
def test_more_than_is_allowed_is_refused(behaviour):
    with serving(behaviour) as server, pytest.raises(TooLarge, match=r"^(127.0.0.1 sent|The answer is).* than .*\.$"):
        Http().send("GET", server.url)


WRONG = {
    "no gzip at all": said(b"plain", "200 OK", "Content-Encoding: gzip"),
    "half a gzip": said(zipped(b"x" * 999)[0][:-9], "200 OK", "Content-Encoding: gzip"),
    "two gzips": said(zipped(b"x")[0] * 2, "200 OK", "Content-Encoding: gzip"),
    "brotli": said(b"x", "200 OK", "Content-Encoding: br"),
    "gzip in gzip": said(b"x", "200 OK", "Content-Encoding: gzip, gzip"),
}


@pytest.mark.parametrize("behaviour", WRONG.values(), ids=WRONG)
def test_a_body_that_is_not_what_it_says_is_refused(behaviour):
    with serving(behaviour) as server, pytest.raises(BadBody, match=r"^127.0.0.1 sent a .*\.$"):
        quick().send("GET", server.url)


# --- broken connections -----------------------------------------------------------------------------------------------

BROKEN = {
    "hangs up without a word": raw(b""),
    "resets at once": resetting(),
    "resets in mid body": resetting(HEAD + b"x"),
    "ends in mid body": raw(HEAD + b"x"),
    "ends in mid chunk": raw(CHUNKED + b"5\r\nab"),
    "speaks no HTTP": raw(b"220 mail.example ESMTP\r\n"),
    "has endless headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200),
    "has an endless header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000),
    "switches protocols": raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_broken_answer_is_unreachable_and_not_asked_for_again(behaviour, method):
    with serving(behaviour) as server:
        with pytest.raises(Unreachable, match=r"^127.0.0.1 gave no answer: .+\.$"):
            quick().send(method, server.url)
        assert len(server.requests) == 1


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def test_a_refused_connection_is_unreachable():
    with pytest.raises(Unreachable, match="Connection refused"):
        quick().send("GET", f"http://127.0.0.1:{closed_port()}")


@pytest.mark.parametrize(
    "headers", [{"Key": "a\r\nX: y"}, {"Key": "ключ"}, {"K\n": "v"}], ids=["two lines", "no latin", "a broken name"]
)
def test_a_header_that_cannot_be_sent_is_not_sent(headers):
    with serving(said(b"")) as server, pytest.raises(Unreachable, match=r"^127.0.0.1 gave no answer: .+\.$"):
        quick().send("GET", server.url, headers=headers)
    assert server.requests == []


def test_what_a_header_holds_is_not_told_on():
    with pytest.raises(Unreachable) as told:
        quick().send("GET", f"http://127.0.0.1:{closed_port()}", headers={"Authorization": "Bearer s3cret\n"})
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("url", ["ftp://host/", "/only/a/path", "http://", "file:///etc/passwd", "http://h:x/"])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(ValueError, match=r"web address|Port|port"):
        quick().send("GET", url)


# --- connections ------------------------------------------------------------------------------------------------------


def test_one_connection_per_host_and_thread_is_kept():
    with serving(said(b"1")) as one, serving(said(b"2")) as two:
        http = quick()
        for _ in range(5):
            assert (http.send("GET", f"{one.url}/a").body, http.send("GET", f"{two.url}/b").body) == (b"1", b"2")
        other = threading.Thread(target=http.send, args=("GET", one.url))
        other.start()
        other.join()
    assert (one.connections, two.connections, len(one.requests)) == (2, 1, 6)


def test_a_get_over_a_kept_connection_that_was_closed_goes_again_over_a_new_one():
    with serving(said(b"1"), raw(b""), said(b"2")) as server:
        http = quick()
        assert [http.send("GET", server.url).body for _ in range(2)] == [b"1", b"2"]
    assert (server.connections, len(server.requests)) == (2, 3)


def test_a_post_never_goes_over_a_kept_connection_nor_twice():
    with serving(said(b"1"), said(b"2"), raw(b"")) as server:
        http = quick()
        assert [http.send(method, server.url).body for method in ("GET", "POST")] == [b"1", b"2"]
        with pytest.raises(Unreachable):
            http.send("POST", server.url)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_connection_is_not_kept_after_a_failure_nor_after_a_while():
    now = [0.0]
    with serving(said(b"1"), said(b"bad", "200 OK", "Content-Encoding: br"), said(b"3")) as server:
        http = Http(clock=lambda: now[0])
        http.send("GET", server.url)
        with pytest.raises(BadBody):
            http.send("GET", server.url)
        assert http.send("GET", server.url).body == b"3"
        assert server.connections == 2
        now[0] += 31
        assert http.send("GET", server.url).body == b"3"
        assert server.connections == 3


def test_a_server_that_closes_after_each_answer_is_understood():
    answer = raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    with serving(answer) as server:
        http = quick()
        assert [http.send("GET", server.url).body for _ in range(2)] == [b"ok", b"ok"]
    assert (server.connections, len(server.requests)) == (2, 2)


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for_is_refused():
    with serving(said(b"secret"), tls=True) as server:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            quick().send("GET", server.url)
        assert server.requests == []


def test_a_certificate_of_another_name_is_refused():
    http = Http(trust=ssl.create_default_context(cafile=CERTIFICATE))
    with serving(said(b"secret"), tls=True, address="127.0.0.2") as server:
        with pytest.raises(Unreachable, match=r"CERTIFICATE_VERIFY_FAILED.*not valid for"):
            http.send("GET", server.url)
        assert server.requests == []


def test_a_trusted_certificate_is_believed_and_the_connection_kept():
    http = Http(trust=ssl.create_default_context(cafile=CERTIFICATE))
    with serving(said(b"private"), tls=True) as server:
        assert [http.send("GET", server.url).body for _ in range(2)] == [b"private"] * 2
    assert server.connections == 1
