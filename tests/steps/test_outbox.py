"""Handing over: once in effect, still wanted, rendered from the state of that moment, in the receiver's hours."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from tests import make
from tests.audited import audited
from tests.locks import assert_free
from tracker import jobs
from tracker.domain.incidents import Kind, Outcome
from tracker.domain.notices import RULES, Topic, Wanted
from tracker.domain.promises import Action, Party, Terms, Word
from tracker.outside.mail import MailRefused, MailUnknown, mailer
from tracker.steps import base, outbox
from tracker.steps.contacts import record_promise
from tracker.store import audit, closing
from tracker.store import outbox as rows
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident, Task, TaskKind, TaskState, Timeline
from tracker.store.outbox import Notice, NoticeState
from tracker.store.people import Role, User
from tracker.store.promises import Promise

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""Wednesday, noon in Madrid."""
MICRO, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")


class Post:
    """A mailer that keeps what it takes, and refuses or loses what it is told to."""

    def __init__(self):
        self.taken, self.says, self.before = [], [], lambda: None

    def send(self, message):
        self.before()
        said = self.says.pop(0) if self.says else None
        if said is None or said == "taken, and the answer lost":
            self.taken.append(message)
        if isinstance(said, Exception):
            raise said
        if said is not None:
            raise MailUnknown(said)
        return str(message["Message-ID"])


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def tools(store_url, post):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store, mail=post)
    store.close()


def case(tools, depot=None, customer=None, **values):
    """An open incident of Marta's desk with a depot; its id."""
    with tools.store.begin() as session:
        office = make.depot(session, **(depot or {}))
        order = make.order(session, customer=customer)
        of = make.shipment(session, now=NOW, depot_id=office.id, order_id=order.id)
        return make.opened(session, of, now=NOW, **values).id


def put(tools, incident_id, topic=Topic.CUSTOMER_OPENED, recipient="customer", key="k", at=NOW, **values):
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        said = {"incident_id": incident.id, "shipment_id": incident.shipment_id, "version": incident.episode}
        return rows.put(session, topic, key, at, recipient=recipient, **{**said, **values})


def owed(tools, incident_id, due_at=NOW + DAY):
    """The depot's promise to call the customer; its id."""
    with tools.store.begin() as session:
        terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, due_at)
        return record_promise(session, tools, NOW, session.get_one(Incident, incident_id), terms, AGENT).id


def hand_over(tools, now=NOW):
    """The step, twice: the second time there is nothing to do."""
    told = outbox.hand_over(tools, now)
    again = outbox.hand_over(tools, now)
    assert (again.done, again.errors) == (0, [])
    return told


def notice(tools, key="k"):
    with tools.store.read() as session:
        return session.scalars(sa.select(Notice).where(Notice.dedupe_key == key)).one()


def tasks(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Task.kind).where(Task.state == TaskState.OPEN)).all()


def test_a_notice_goes_out_once_and_the_story_tells_of_it(tools, post):
    put(tools, case(tools))
    assert hand_over(tools).done == 1
    (letter,) = post.taken
    assert letter["To"] == "marta@example.com"
    assert letter["Message-ID"] == "<k@127.0.0.1>"
    assert letter["Date"].datetime == NOW
    assert (notice(tools).state, notice(tools).sent_at, notice(tools).wake_at) == (NoticeState.SENT, NOW, None)
    with tools.store.read() as session:
        assert session.scalars(sa.select(Timeline.kind)).all().count("notice_sent") == 1


def test_the_same_key_is_put_once_whoever_puts_it(tools, post):
    incident_id = case(tools)
    assert [put(tools, incident_id, key=key) for key in ("k", "k", "other")] == [True, False, True]
    hand_over(tools)
    assert len(post.taken) == 2


def test_no_transaction_is_open_while_the_mail_server_is_spoken_to(tools, post):
    put(tools, case(tools))
    post.before = lambda: assert_free(tools.store)
    assert hand_over(tools).errors == []
    assert len(post.taken) == 1


def test_a_crash_after_the_call_sends_the_same_message_again(tools, post):
    class Killed(BaseException):
        pass

    put(tools, case(tools))
    post.says = ["taken, and the answer lost"]
    clock = [NOW]
    tools.store._lease_clock = lambda: clock[0]
    kill = Killed()

    def dies(message):
        post.taken.append(message)
        raise kill

    dying = replace(tools, mail=type("Dying", (), {"send": staticmethod(dies)})())
    with pytest.raises(Killed):
        outbox.hand_over(dying, NOW)
    assert outbox.hand_over(tools, NOW).done == 0, "until the lease has run out"
    clock[0] = NOW + 2 * MINUTE
    post.says = []
    outbox.hand_over(tools, NOW)
    assert [letter["Message-ID"] for letter in post.taken] == ["<k@127.0.0.1>"] * 2


def test_an_unknown_outcome_is_tried_again_later_under_the_same_id(tools, post):
    put(tools, case(tools))
    post.says = ["taken, and the answer lost"]
    told = hand_over(tools)
    assert (told.done, len(told.errors)) == (0, 1)
    kept = notice(tools)
    assert (kept.state, NOW < kept.wake_at <= NOW + MINUTE, kept.parked_at) == (NoticeState.WAITING, True, None)
    assert hand_over(tools, kept.wake_at - MICRO).done == 0
    assert hand_over(tools, kept.wake_at).done == 1
    assert [letter["Message-ID"] for letter in post.taken] == ["<k@127.0.0.1>"] * 2


def test_a_mail_server_that_is_away_for_a_day_loses_nothing(tools, post):
    put(tools, case(tools))
    now = NOW
    while now < NOW + DAY:
        post.says = ["the mail server cannot be used"]
        hand_over(tools, now)
        now = notice(tools).wake_at
    post.says = []
    assert hand_over(tools, now).done == 1
    assert notice(tools).state is NoticeState.SENT


def test_a_mail_that_nobody_takes_for_two_days_becomes_a_persons_task(tools, post):
    incident_id = case(tools)
    put(tools, incident_id)
    now, tries = NOW, 0
    while notice(tools).state is NoticeState.WAITING:
        post.says = ["greylisted"]
        outbox.hand_over(tools, now)
        now, tries = notice(tools).wake_at or now, tries + 1
        assert tries < 150
    assert timedelta(hours=40) < now - NOW < timedelta(hours=60)
    assert (notice(tools).state, notice(tools).parked_at) == (NoticeState.NOWHERE, None)
    assert tasks(tools) == [TaskKind.CONTACT]


def test_a_mail_server_that_fails_is_left_alone_for_a_minute(tools, post):
    incident_id = case(tools)
    for number in range(10):
        put(tools, incident_id, key=f"k{number}")
    post.says = ["cannot be used"] * 10
    told = outbox.hand_over(tools, NOW)
    assert len(told.errors) == outbox.PATIENCE
    assert outbox.hand_over(tools, NOW).done == 0
    post.says = []
    assert hand_over(tools, NOW + MINUTE).done >= 7
    with tools.store.read() as session:
        assert set(session.scalars(sa.select(Notice.tries).where(Notice.state == NoticeState.WAITING))) <= {1}


REFUSED = {
    "refused by the server": {"email": "gone@example.com"},
    "two addresses in one field": {"email": "a@example.com, b@example.com"},
    "no address at all": {"email": None},
}


@pytest.mark.parametrize("customer", REFUSED.values(), ids=REFUSED)
def test_a_notice_with_nowhere_to_go_is_a_task_and_no_error(tools, post, customer):
    put(tools, case(tools, customer=customer))
    if customer["email"] == "gone@example.com":
        post.says = [MailRefused("no such mailbox")]
    told = hand_over(tools)
    assert told.errors == []
    assert post.taken == []
    assert notice(tools).state is NoticeState.NOWHERE
    assert tasks(tools) == [TaskKind.CONTACT]


def test_one_notice_that_cannot_be_rendered_stops_none_of_the_others_and_is_alarmed_of(tools, post, monkeypatch):
    incident_id = case(tools)
    put(tools, incident_id, key="bad")
    put(tools, incident_id, key="good")
    render = tools.words.render

    def breaks(topic, locale, facts):
        if topic == Topic.CUSTOMER_OPENED and not post.taken:
            raise KeyError("a fact is missing")
        return render(topic, locale, facts)

    monkeypatch.setattr(tools.words, "render", breaks)
    told = outbox.hand_over(tools, NOW)
    assert len(told.errors) == 2
    post.taken.append("something")
    now = NOW + HOUR
    assert outbox.hand_over(tools, now).done == 2

    post.taken.clear()
    put(tools, incident_id, key="worse")
    for _ in range(5):
        now += 3 * HOUR
        outbox.hand_over(tools, now)
    assert notice(tools, "worse").parked_at is not None
    with tools.store.read() as session:
        assert session.scalars(sa.select(Notice.topic)).all().count(Topic.STAFF_ALARM) == 1


# --- still wanted? --------------------------------------------------------------------------------------------------


def resolved(session, _tools, incident, _promise):
    closing.resolve(session, incident, NOW, AGENT, Outcome.DELIVERED)


def reopened(session, tools, incident, promise):
    resolved(session, tools, incident, promise)
    base.reopen(session, tools, incident, incident.kind, NOW, AGENT)


def renegotiated(session, tools, incident, promise):
    terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, NOW + 2 * DAY)
    record_promise(session, tools, NOW, incident, terms, AGENT)


def kept(session, _tools, _incident, promise):
    closing.settle(session, promise, NOW, AGENT, Word.KEPT)


def failed(session, _tools, _incident, promise):
    closing.settle(session, promise, NOW, AGENT, Word.NOT_KEPT)


def nothing(_session, _tools, _incident, _promise):
    return None


STILL = {
    Wanted.ALWAYS: {nothing, resolved, reopened, renegotiated, kept, failed},
    Wanted.WHILE_OPEN: {nothing, renegotiated, kept, failed},
    Wanted.WHILE_PROMISED: {nothing},
    Wanted.WHILE_ASKED: {nothing, kept},
    Wanted.WHILE_UNRESOLVED_LEVEL: {failed},
    Wanted.WHILE_RESOLVED: {resolved},
    Wanted.WHILE_REFUNDED: set(),
}
SAMPLE = {rule.wanted: topic for topic, rule in reversed(RULES.items())}


@pytest.mark.parametrize("happens", [nothing, resolved, reopened, renegotiated, kept, failed])
@pytest.mark.parametrize("rule", Wanted)
def test_what_is_not_wanted_any_more_is_not_sent(tools, post, rule, happens):
    incident_id = case(tools)
    promise_id = owed(tools, incident_id)
    topic = SAMPLE[rule]
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        wanted = Notice(topic=topic, incident_id=incident_id, promise_id=promise_id, version=1, recipient="customer")
        happens(session, tools, incident, session.get_one(Promise, promise_id))
        session.flush()
        assert outbox.wanted(session, wanted) == (happens in STILL[rule])


def test_the_question_is_asked_again_before_every_sending(tools, post):
    incident_id = case(tools)
    put(tools, incident_id)
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident_id), NOW, AGENT, Outcome.DELIVERED)
    hand_over(tools)
    assert (notice(tools).state, post.taken) == (NoticeState.CANCELLED, [])


def test_more_than_one_batch_of_unwanted_notices_does_not_hide_the_wanted_one(tools, post):
    over = case(tools)
    for number in range(45):
        put(tools, over, key=f"k{number}")
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, over), NOW, AGENT, Outcome.MOVING)
    put(tools, case(tools), key="wanted", at=NOW + MICRO)
    jobs.until_done(tools, NOW + MINUTE, frozenset({"outbox"}))
    assert notice(tools, "wanted").state is NoticeState.SENT


def test_what_is_said_is_what_is_true_when_it_is_sent(tools, post):
    incident_id = case(tools, customer={"email": "old@example.com", "locale": "en"})
    put(tools, incident_id)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        audit.change(session, incident, NOW, AGENT, "kind_moved", kind=Kind.LOST)
        incident.shipment.order.customer.email = "new@example.com"
    hand_over(tools)
    (letter,) = post.taken
    assert letter["To"] == "new@example.com"
    assert "lost" in letter.get_content()
    assert "damaged or lost" not in letter.get_content()


# --- when -----------------------------------------------------------------------------------------------------------

HOURS = {
    "the depot's, in its lunch hour": (
        Topic.DEPOT_NUDGE, "depot", datetime(2026, 11, 18, 13, 30, tzinfo=UTC), datetime(2026, 11, 18, 15, tzinfo=UTC)
    ),
    "the depot's, on a holiday": (
        Topic.DEPOT_NUDGE, "depot", datetime(2026, 12, 8, 11, tzinfo=UTC), datetime(2026, 12, 9, 8, tzinfo=UTC)
    ),
    "the customer's, at night": (
        Topic.CUSTOMER_ASKED, "customer", datetime(2026, 11, 18, 20, tzinfo=UTC), datetime(2026, 11, 19, 8, tzinfo=UTC)
    ),
    "the customer's, on Sunday": (
        Topic.CUSTOMER_ASKED, "customer", datetime(2026, 11, 22, 9, tzinfo=UTC), datetime(2026, 11, 22, 9, tzinfo=UTC)
    ),
    "any": (
        Topic.CUSTOMER_OPENED, "customer", datetime(2026, 11, 22, 2, tzinfo=UTC), datetime(2026, 11, 22, 2, tzinfo=UTC)
    ),
}  # fmt: skip


@pytest.mark.parametrize(("topic", "to", "at", "opens"), HOURS.values(), ids=HOURS)
def test_outside_the_readers_hours_it_waits_for_the_next_opening(tools, post, topic, to, at, opens):
    incident_id = case(tools)
    promise_id = owed(tools, incident_id, at + 9 * DAY)
    with tools.store.read() as session:
        recipient = f"depot:{session.get_one(Incident, incident_id).shipment.depot_id}" if to == "depot" else to
    put(tools, incident_id, topic, recipient, at=at, promise_id=promise_id)
    if opens > at:
        hand_over(tools, at)
        assert (notice(tools).state, notice(tools).wake_at, post.taken) == (NoticeState.WAITING, opens, [])
        hand_over(tools, opens - MICRO)
        assert post.taken == []
    hand_over(tools, opens)
    assert (notice(tools).state, len(post.taken)) == (NoticeState.SENT, 1)


# --- staff ----------------------------------------------------------------------------------------------------------


def staff(tools, *addresses):
    with tools.store.begin() as session:
        for address in addresses:
            session.add(
                User(email=address, name="", role=Role.LEAD, password_hash="x", session_token=address, made_at=NOW)
            )


def alarm(tools):
    with tools.store.begin() as session:
        rows.alarm(session, "test", NOW, "something is wrong")


def test_an_alarm_that_nobody_can_hear_is_no_error(tools, post):
    alarm(tools)
    assert hand_over(tools).errors == []
    assert notice(tools, "alarm:test").state is NoticeState.NOWHERE


def test_an_alarm_goes_to_every_lead_and_one_refusal_does_not_stop_it(tools, post):
    staff(tools, "a@shop.example", "b@shop.example", "c@shop.example")
    alarm(tools)
    post.says = [MailRefused("no such mailbox"), None, None]
    assert hand_over(tools).errors == []
    assert notice(tools, "alarm:test").state is NoticeState.SENT
    assert len({letter["Message-ID"] for letter in post.taken}) == len(post.taken) == 2


# --- a real server --------------------------------------------------------------------------------------------------


class Inbox:
    """What a real server took."""

    def __init__(self):
        self.letters = []

    async def handle_DATA(self, _server, _session, envelope):
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 taken"


class AnyPort(Controller):
    """Takes whatever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def smtp_server():
    inbox = Inbox()
    server = AnyPort(inbox, hostname="127.0.0.1", port=0)
    server.start()
    try:
        yield inbox, server.port
    finally:
        server.stop()


def test_a_real_mail_server_gets_what_the_customer_reads(tools):
    with smtp_server() as (inbox, port):
        real = replace(tools, mail=mailer(f"smtp://127.0.0.1:{port}"))
        put(real, case(real))
        assert hand_over(real).errors == []
    ((to, letter),) = inbox.letters
    assert to == ["marta@example.com"]
    assert letter["Message-ID"] == "<k@127.0.0.1>"
    assert letter["Content-Language"] == "es"
    assert "Marta Peña" in letter.get_content()
    assert "http://127.0.0.1:8000/p/" in letter.get_content()
