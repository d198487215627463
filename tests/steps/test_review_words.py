"""What nobody may say by hand of an announced refund, and what no mail, link or chat may say too late or twice."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import audited
from tests.steps.test_outbox import Post, alarm, case, notice, put, staff
from tests.web.console import Console
from tests.web.test_api import Api, refused
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import State
from tracker.domain.refusals import Refused
from tracker.outside import chat
from tracker.steps import LINKS_LIVE, contacts, outbox, refunds
from tracker.store import audit, links, wake
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident
from tracker.store.links import Link, Purpose
from tracker.store.outbox import Notice, NoticeState
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy

NOW = make.NOON
MICRO, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")
OURS = {"action": Action.REFUND, "performer": Party.MERCHANT}


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def tools(store_url, post):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store, mail=post)
    store.close()


# --- the announced refund is not judged by hand -----------------------------------------------------------------------

VERBS = {"kept": {}, "broken": {}, "renegotiate": {"due_at": "2026-11-20T10:00:00Z"}}


@pytest.fixture
def api(sqlite_url):
    made = Api(sqlite_url)
    yield made
    made.store.close()


@pytest.fixture
def desk(sqlite_url):
    made = Console(sqlite_url)
    made.enter()
    yield made
    made.close()


def announced(session):
    """Our own promise of a refund tomorrow."""
    return make.promise(session, make.incident(session, make.shipment(session)), NOW + DAY, **OURS)


@pytest.mark.parametrize(("verb", "body"), VERBS.items(), ids=VERBS)
def test_no_word_over_the_api_ends_or_moves_our_announced_refund(api, verb, body):
    with api.store.begin() as session:
        promise_id = announced(session).id
    refused(api.post(f"/promises/{promise_id}/{verb}", body), 422, "not by hand")
    (promise,) = api.rows(Promise)
    assert (promise.state, promise.version, promise.due_at) == (Promised.MADE, 1, NOW + DAY)


@pytest.mark.parametrize("word", ["kept", "broken"])
def test_no_click_ends_our_announced_refund(desk, word):
    with desk.store.begin() as session:
        ref = announced(session).incident.ref
    assert desk.act(ref, f"promises/1/{word}", seen="made").status_code == 422
    assert [promise.state for promise in desk.rows(Promise)] == [Promised.MADE]


DUES = {
    "without a zone": (datetime(2026, 11, 20, 11), "zone"),  # noqa: DTZ001 - that is the point
    "in the past": (NOW, "past"),
    "more than a year ahead": (NOW + contacts.LONGEST + MICRO, "year"),
    "in another century": (datetime(2999, 1, 1, tzinfo=UTC), "year"),
}


@pytest.mark.parametrize(("due_at", "why"), DUES.values(), ids=DUES)
def test_a_promise_is_not_moved_to_an_impossible_time(tools, due_at, why):
    incident_id = case(tools)
    with tools.store.begin() as session:
        promise = make.promise(session, session.get_one(Incident, incident_id), NOW + DAY)
        with pytest.raises(Refused, match=why):
            contacts.renegotiate(session, tools, NOW, promise, due_at, "", AGENT)
        assert (promise.version, promise.due_at) == (1, NOW + DAY)


def test_the_api_says_so_of_a_time_in_another_century(api):
    _, promise_id = api.case()
    refused(api.post(f"/promises/{promise_id}/renegotiate", {"due_at": "2999-01-01T10:00:00Z"}), 422, "year")


# --- a receipt of a refund that is none -------------------------------------------------------------------------------

RECEIPTS = (Topic.CUSTOMER_REFUND_REQUESTED, Topic.CUSTOMER_REFUNDED)


@pytest.mark.parametrize("topic", RECEIPTS)
@pytest.mark.parametrize("state", State)
def test_a_receipt_is_mailed_unless_its_refund_failed_or_was_cancelled(tools, post, topic, state):
    incident_id = case(tools)
    with tools.store.begin() as session:
        remedy = refunds.propose(session, tools, NOW, session.get_one(Incident, incident_id), AGENT, 18000)
    put(tools, incident_id, topic, remedy_id=remedy.id)
    with tools.store.begin() as session:
        audit.change(session, session.get_one(Remedy, remedy.id), NOW, AGENT, "moved", state=state)
    outbox.hand_over(tools, NOW)
    dead = state in {State.FAILED, State.CANCELLED}
    assert notice(tools).state is (NoticeState.CANCELLED if dead else NoticeState.SENT)


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [Purpose.DEPOT, Purpose.CUSTOMER])
def test_a_mail_carries_a_link_with_half_of_its_life_left_and_the_older_one_stays_good(tools, purpose):
    live = LINKS_LIVE[purpose]
    with tools.store.begin() as session:
        of = {"shipment_id": make.shipment(session).id}
        first = tools.link(session, purpose, NOW, **of)
        assert tools.link(session, purpose, NOW + live / 2, **of) == first
        later = NOW + live / 2 + MICRO
        second = tools.link(session, purpose, later, **of)
        assert second != first
        assert tools.link(session, purpose, later + HOUR, **of) == second
        for url, end in ((first, NOW + live), (second, later + live)):
            told = url.rpartition("/")[2]
            assert links.find(session, told, end - MICRO, purpose) is not None
            assert links.find(session, told, end, purpose) is None
        assert session.scalar(sa.select(sa.func.count()).select_from(Link)) == 2


# --- the chat ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def rung(tools, monkeypatch):
    """The titles that reached the chat."""
    object.__setattr__(tools, "notify_urls", ("json://chat.example",))
    heard = []
    monkeypatch.setattr(chat, "notify", lambda _urls, title, _body: heard.append(title) or True)
    return heard


def test_the_chat_hears_an_alarm_once_however_often_its_mail_is_tried(tools, post, rung):
    staff(tools, "a@shop.example")
    alarm(tools)
    now = NOW
    for _ in range(8):
        post.says = ["the mail server is away"]
        outbox.hand_over(tools, now)
        now = notice(tools, "alarm:test").wake_at
    post.says = []
    outbox.hand_over(tools, now)
    assert notice(tools, "alarm:test").state is NoticeState.SENT
    assert (len(rung), len(post.taken)) == (1, 1)


def test_a_round_that_gives_an_alarm_back_untried_forgets_none_of_its_tries(tools, post, rung):
    staff(tools, "a@shop.example")
    incident_id = case(tools)
    for number in range(outbox.PATIENCE):
        put(tools, incident_id, key=f"k{number}", at=NOW + HOUR)
    alarm(tools)
    post.says = ["away"]
    outbox.hand_over(tools, NOW)
    post.says = ["away"] * outbox.PATIENCE
    outbox.hand_over(tools, NOW + HOUR)
    assert (len(rung), notice(tools, "alarm:test").tries) == (1, 1)
    outbox.hand_over(tools, NOW + 2 * HOUR)
    assert notice(tools, "alarm:test").state is NoticeState.SENT
    assert len(rung) == 1


def test_where_only_the_chat_can_hear_it_rings_again_after_a_crash(tools, rung):
    alarm(tools)
    with tools.store.begin() as session:
        (leased,) = wake.lease(session, Notice, NOW, NOW - HOUR, owner="crashed", limit=1)
    assert leased.tries == 1
    outbox.hand_over(tools, NOW)
    assert (notice(tools, "alarm:test").state, len(rung)) == (NoticeState.SENT, 1)
