"""SEUR's road from the account to the events, with `responses` answering below requests in SEUR's place."""

from urllib.parse import parse_qs

import pytest
import responses
from responses import matchers

from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, Wanted
from tracker.outside.http import Http, Reply, Unreachable
from tracker.outside.strict_json import loads
from tracker.outside.tokens import TokenAsk, TokenRefused, Tokens

SEUR = CARRIERS["seur"]
ACCOUNT = Account(
    "seur",
    settings={
        "CLIENT_ID": "id", "CLIENT_SECRET": "a&b+c%", "USERNAME": "user", "PASSWORD": "p w", "ACCOUNT": "12345-28",
    },
)  # fmt: skip
OURS = Wanted("PED-1001", "06001", "ES")
TOKEN, TRACK = f"{SEUR.base_url}/pic_token", f"{SEUR.base_url}/pic/v1/tracking-services/extended"
DAMAGED = {
    "ref": "PED-1001", "type": "Exp", "postalCode": "06001", "cityName": "BADAJOZ", "businessUnit": 6,
    "situations": [{"eventCode": "LI547", "situationDate": "2026-11-17T08:00:00.000", "description": "ROTURA"}],
}  # fmt: skip


@pytest.fixture(name="seur")
def _seur():
    with responses.RequestsMock() as seur:
        yield seur


def give_token(seur, text):
    return seur.post(TOKEN, json={"access_token": text, "token_type": "bearer", "expires_in": 3600})


def give_tracking(seur, token, **answer):
    params = {"ref": "PED-1001", "refType": "REFERENCE", "accountNumber": "12345", "businessUnit": "28"}
    shown = [matchers.header_matcher({"Authorization": f"Bearer {token}"}), matchers.query_param_matcher(params)]
    return seur.get(TRACK, match=shown, **(answer or {"json": {"data": [DAMAGED]}}))


def track(tokens: Tokens) -> Reply:
    grant, ask = SEUR.token(ACCOUNT), SEUR.ask([OURS], ACCOUNT)
    wanting = TokenAsk(SEUR.base_url + grant.path, tuple(grant.form.items()), tuple(grant.headers.items()))
    return tokens.authorised(wanting, ask.method, SEUR.base_url + ask.path, params=ask.params, headers=ask.headers)


def test_a_token_is_asked_for_by_form_and_brings_the_events(seur):
    asked, tracked = give_token(seur, "t1"), give_tracking(seur, "t1")
    tokens = Tokens(Http())
    replies = [track(tokens), track(tokens)]
    assert (asked.call_count, tracked.call_count) == (1, 2)
    assert parse_qs(seur.calls[0].request.body, strict_parsing=True) == {
        "grant_type": ["password"], "client_id": ["id"], "client_secret": ["a&b+c%"],
        "username": ["user"], "password": ["p w"],
    }  # fmt: skip
    assert seur.calls[0].request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    for reply in replies:
        (event,) = SEUR.read(reply.status, loads(reply.body), [OURS]).events["PED-1001"]
        assert (event.raw_code, event.raw_text) == ("LI547", "ROTURA")


def test_a_token_that_seur_has_forgotten_is_renewed_once(seur):
    give_token(seur, "t1")
    give_tracking(seur, "t1")
    tokens = Tokens(Http())
    assert track(tokens).status == 200
    seur.reset()
    refused, asked, tracked = give_tracking(seur, "t1", status=401), give_token(seur, "t2"), give_tracking(seur, "t2")
    assert track(tokens).status == 200
    assert [one.call_count for one in (refused, asked, tracked)] == [1, 1, 1]


def test_nothing_on_file_is_a_204_without_a_body(seur):
    give_token(seur, "t1")
    give_tracking(seur, "t1", status=204)
    reply = track(Tokens(Http()))
    assert (reply.status, reply.body) == (204, b"")


def test_wrong_credentials_are_told_apart_from_a_seur_that_is_away(seur):
    seur.post(TOKEN, status=400, json={"error": "invalid_grant"})
    with pytest.raises(TokenRefused, match=r"status 400"):
        track(Tokens(Http()))
    seur.reset()
    seur.post(TOKEN, body=ConnectionError("away"))
    with pytest.raises(Unreachable, match=r"^servicios\.api\.seur\.io gave no answer: away\.$"):
        track(Tokens(Http()))
