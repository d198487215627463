"""Staff alerts reach every channel, or say that they did not."""

import orjson
import pytest

from tests.outside.loopback import said, serving, silent
from tracker.outside.chat import notify


def url(server) -> str:
    return server.url.replace("http://", "json://")


def test_an_alert_reaches_every_channel():
    with serving(said(b"")) as one, serving(said(b"")) as two:
        assert notify([url(one), url(two)], "SEUR is silent", "No answer since 10:00 — año")
    for server in (one, two):
        told = orjson.loads(server.requests[0].partition(b"\r\n\r\n")[2])
        assert (told["title"], told["message"]) == ("SEUR is silent", "No answer since 10:00 — año")


FAILING = {"an error": said(b"", "500 Bad"), "a redirect": said(b"", "302 There"), "a refusal": said(b"", "401 No")}


@pytest.mark.parametrize("behaviour", FAILING.values(), ids=FAILING)
def test_a_channel_that_does_not_take_it_is_told_and_the_others_still_get_it(behaviour):
    with serving(behaviour) as bad, serving(said(b"")) as good:
        assert not notify([url(bad), url(good)], "title", "body")
    assert len(good.requests) == 1


def test_a_channel_that_is_down_or_never_answers_is_told_in_time():
    with serving() as down:
        pass
    with serving(silent) as slow:
        assert not notify([f"{url(down)}?cto=1&rto=1", f"{url(slow)}?cto=1&rto=1"], "title", "body")


def test_an_address_that_no_service_knows_is_told_and_the_others_still_get_it():
    with serving(said(b"")) as good:
        assert not notify(["nonsense://x", url(good)], "title", "body")
    assert len(good.requests) == 1


def test_an_address_is_never_logged_for_it_holds_a_token(caplog):
    with serving(said(b"", "403 No")) as server:
        notify([f"{url(server)}/t0k3n", "nonsense://t0k3n", "tgram://t0k3n"], "title", "body")
    assert "t0k3n" not in caplog.text


def test_no_channel_at_all_is_nobody_reached():
    assert not notify([], "title", "body")
