"""Bearer tokens: asked for once, kept while they live, renewed once when refused."""

import threading
from urllib.parse import parse_qs

import orjson
import pytest

from tests.outside.loopback import said, serving
from tracker.outside.http import Http, Reply, Unreachable
from tracker.outside.tokens import TokenAsk, TokenRefused, Tokens

FORM = (("grant_type", "password"), ("username", "a&b ñ"), ("password", "p=+%"))


class Carrier:
    """Gives numbered tokens, takes the newest only, and remembers what it was asked."""

    def __init__(self, **answer: object):
        self.answer = {"token_type": "Bearer", "expires_in": 3600, **answer}
        self.given, self.accepts, self.asked = 0, True, []
        self.token_reply: Reply | None = None

    def send(self, method, url, *, params=(), headers=(), form=None, json=None, content=None):
        self.asked.append(f"{method} {url}")
        if url.endswith("/token"):
            self.given += 1
            return self.token_reply or Reply(200, {}, orjson.dumps({**self.answer, "access_token": f"t{self.given}"}))
        good = dict(headers)["Authorization"] == f"Bearer t{self.given}" and self.accepts
        return Reply(200 if good else 401, {}, b"{}")


ASK = TokenAsk("http://carrier/token", FORM)


def go(tokens: Tokens) -> int:
    return tokens.authorised(ASK, "GET", "http://carrier/track", params={"n": "1"}).status


def test_a_token_is_asked_for_once_while_it_lives():
    now, carrier = [0.0], Carrier()
    tokens = Tokens(carrier, clock=lambda: now[0])
    assert [go(tokens) for _ in range(3)] == [200, 200, 200]
    now[0] = 3569
    go(tokens)
    assert carrier.given == 1
    now[0] = 3571
    assert go(tokens) == 200
    assert carrier.given == 2


def test_a_grant_is_form_encoded_and_the_token_is_sent_as_bearer():
    answer = said(b'{"access_token": "abc.def-_~+/=", "expires_in": "3600"}')
    with serving(answer, said(b"ok")) as server:
        ask = TokenAsk(f"{server.url}/token", FORM, (("Accept", "application/json"),))
        assert Tokens(Http()).authorised(ask, "GET", f"{server.url}/track", headers={"X": "y"}).body == b"ok"
    asked, used = (request.decode() for request in server.requests)
    assert asked.startswith("POST /token ")
    assert "\r\nContent-Type: application/x-www-form-urlencoded\r\n" in asked
    assert parse_qs(asked.partition("\r\n\r\n")[2], strict_parsing=True) == {name: [value] for name, value in FORM}
    assert "\r\nAuthorization: Bearer abc.def-_~+/=\r\n" in used
    assert "\r\nX: y\r\n" in used


def test_a_kept_token_that_is_refused_is_renewed_once():
    carrier = Carrier()
    tokens = Tokens(carrier)
    go(tokens)
    carrier.given += 1  # the carrier has forgotten the token that we hold
    assert go(tokens) == 200
    assert carrier.asked[-3:] == ["GET http://carrier/track", "POST http://carrier/token", "GET http://carrier/track"]


def test_a_carrier_that_refuses_everything_is_not_asked_for_ever():
    carrier = Carrier()
    carrier.accepts = False
    tokens = Tokens(carrier)
    assert go(tokens) == 401
    assert (carrier.given, len(carrier.asked)) == (1, 2)
    assert go(tokens) == 401
    assert (carrier.given, len(carrier.asked)) == (2, 5)


@pytest.mark.parametrize("life", [None, "soon", "nan", 0, -5, True, {}], ids=str)
def test_a_token_without_a_known_life_is_used_once(life):
    carrier = Carrier(expires_in=life)
    tokens = Tokens(carrier)
    assert [go(tokens), go(tokens)] == [200, 200]
    assert carrier.given == 2


def test_different_credentials_have_different_tokens():
    carrier = Carrier()
    tokens = Tokens(carrier)
    go(tokens)
    tokens.authorised(TokenAsk("http://carrier/token", (("username", "other"),)), "GET", "http://carrier/track")
    assert carrier.given == 2


def test_threads_share_one_token():
    carrier = Carrier()
    tokens = Tokens(carrier)
    threads = [threading.Thread(target=go, args=(tokens,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert carrier.given == 1
    assert len(carrier.asked) == 9


@pytest.mark.parametrize("status", [400, 401, 403])
def test_credentials_that_are_refused_are_a_definite_error(status):
    carrier = Carrier()
    carrier.token_reply = Reply(status, {}, b'{"error": "invalid_grant"}')
    with pytest.raises(TokenRefused, match=rf"^No token for these credentials \(status {status}\)\.$"):
        go(Tokens(carrier))


ODD = {
    "an error of theirs": (503, b""),
    "HTML": (200, b"<html>"),
    "a list": (200, b"[]"),
    "no token": (200, b"{}"),
    "an empty token": (200, b'{"access_token": ""}'),
    "a token that forges a header": (200, b'{"access_token": "a\\r\\nX: y"}'),
    "a number": (200, b'{"access_token": 7}'),
}


@pytest.mark.parametrize(("status", "body"), ODD.values(), ids=ODD)
def test_an_answer_without_a_token_is_no_answer(status, body):
    carrier = Carrier()
    carrier.token_reply = Reply(status, {}, body)
    with pytest.raises(Unreachable, match=f"^The request for a token was answered with status {status} and no token"):
        go(Tokens(carrier))


def test_credentials_are_not_printed():
    assert "p=+%" not in repr(ASK)
