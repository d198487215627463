"""The console: who comes in, what the queue shows and in how many statements, and what each form does, once."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.web import console
from tests.web.console import PASSWORD, Console, chore, trouble, whole_case
from tests.web.faces import TOKEN, plain
from tests.web.test_depot import everything
from tracker.domain.incidents import Outcome, State
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import State as Refund
from tracker.store import closing
from tracker.store.audit import Audit
from tracker.store.incidents import Contact, Incident, Task, TaskKind, TaskState
from tracker.store.people import Role, User
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.views.ops import queue
from tracker.store.views.ops.loose import loose_after
from tracker.web.ops import access, members

NOON, DAY = make.NOON, make.DAY
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
QUEUE = "/ops/"


@pytest.fixture
def desk(store_url):
    made = Console(store_url)
    yield made
    made.close()


@pytest.fixture
def inside(desk):
    """The console with an agent in it."""
    desk.enter()
    return desk


def one(desk, build, *args, **values):
    """Build something in the database and give its reference."""
    with desk.store.begin() as session:
        return build(session, *args, **values).ref


def case(desk):
    return one(desk, lambda session: whole_case(session, desk.tools))


@contextmanager
def statements(desk):
    """The statements that the console's reads send, one entry each."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith(("PRAGMA", "BEGIN")):
            sent.append(statement)

    engine = desk.tools.store._readers
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


# --- who comes in -----------------------------------------------------------------------------------------------------


def test_who_is_not_in_comes_to_the_login_and_then_where_he_wanted(desk):
    ref = one(desk, trouble)
    answer = desk.get(f"/ops/incidents/{ref}")
    assert answer.status_code == 303
    assert answer.location == f"/ops/login?to=/ops/incidents/{ref}"
    form = {"email": "agent@shop.example", "password": PASSWORD, "to": f"/ops/incidents/{ref}"}
    assert desk.send("/ops/login", answer.location, **form).location == f"/ops/incidents/{ref}"


def test_nobody_comes_past_the_login(desk):
    ref = one(desk, trouble)
    paths = {re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule): rule for rule in desk.app.url_map.iter_rules()}
    doors = {"ops.login", "ops.enter", "ops.one_time", "ops.use_one_time"}
    tried = 0
    before = everything(desk)
    for path, rule in paths.items():
        if rule.endpoint.startswith("ops.") and rule.endpoint not in doors:
            address = re.sub(r"<int:[^>]+>", "1", path).replace("<ref>", ref).replace("<path:_rest>", "x")
            method = "POST" if "POST" in rule.methods else "GET"
            token = TOKEN.search(desk.get("/ops/login").text)[1]
            answer = desk.client.open(address, method=method, data={"csrf_token": token})
            assert answer.status_code in {303, 401}, address
            assert "Marta" not in answer.text
            tried += 1
    assert tried >= 14
    assert everything(desk) == before


WRONG = {
    "a wrong password": ("agent@shop.example", "wrong wrong wrong"),
    "nobody": ("nobody@shop.example", PASSWORD),
    "somebody who has left": ("gone@shop.example", PASSWORD),
    "nothing": ("", ""),
}


def test_all_that_is_wrong_is_answered_alike(desk):
    with desk.store.begin() as session:
        session.add(console.user(email="gone@shop.example", active=False, session_token="gone"))
    told = set()
    for email, password in WRONG.values():
        answer = desk.send("/ops/login", email=email, password=password)
        told.add((answer.status_code, plain(answer).replace(email, "") if email else plain(answer)))
    assert len(told) == 1
    assert desk.get(QUEUE).status_code == 303


def test_an_unknown_address_costs_one_hash_like_a_known_one(desk, monkeypatch):
    compared = []
    monkeypatch.setattr(access.passwords, "matches", lambda kept, word: compared.append((kept, word)))
    for email, password in WRONG.values():
        access.log_in(desk.tools, NOON, email, password, "::1")
    assert len(compared) == len(WRONG)


def test_after_ten_tries_in_a_quarter_of_an_hour_even_the_right_password_waits(desk):
    for _ in range(access.TRIES):
        desk.send("/ops/login", email="agent@shop.example", password="wrong wrong wrong")
    assert desk.enter().status_code == 429
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    desk.client.environ_base.update(elsewhere)
    assert desk.enter().status_code == 429  # the account is counted, too
    assert desk.enter(Role.LEAD).status_code == 303
    desk.at = NOON + 15 * MINUTE
    desk.client = desk.app.test_client()
    assert desk.enter().status_code == 303


def test_right_passwords_are_no_tries(desk):
    for _ in range(access.TRIES + 2):
        assert desk.enter(client=desk.app.test_client()).status_code == 303


def test_one_visitor_has_ten_tries_over_all_accounts(desk):
    for n in range(access.TRIES):
        desk.send("/ops/login", email=f"a{n}@shop.example", password="wrong wrong wrong")
    assert desk.enter().status_code == 429


OTHERS = [
    "https://evil.example/ops/",
    "//evil.example/ops/",
    "/\\evil.example",
    "/p/x",
    "javascript:alert(1)",
    "/ops/\n",
]


@pytest.mark.parametrize("to", OTHERS)
def test_a_login_never_leads_elsewhere(desk, to):
    assert desk.send("/ops/login", email="agent@shop.example", password=PASSWORD, to=to).location == QUEUE


SPANS = {
    "just within the idle time": ([29 * MINUTE, 58 * MINUTE], 200),
    "idle for half an hour": ([30 * MINUTE], 303),
    "used all day, for twelve hours": ([n * 20 * MINUTE for n in range(1, 37)], 303),
    "used all day, for less": ([n * 20 * MINUTE for n in range(1, 36)], 200),
}


@pytest.mark.parametrize(("spans", "status"), SPANS.values(), ids=SPANS)
def test_a_session_ends_when_idle_and_after_twelve_hours(inside, spans, status):
    for span in spans:
        inside.at = NOON + span
        answer = inside.get(QUEUE)
    assert answer.status_code == status


def test_the_limits_of_a_session_can_be_set(inside):
    inside.app.config[members.IDLE] = 2 * DAY
    inside.app.config[members.LONGEST] = 2 * DAY
    inside.at = NOON + DAY
    assert inside.get(QUEUE).status_code == 200


@pytest.mark.parametrize("values", [{"active": False}, {"session_token": "another"}], ids=["switched off", "ended"])
def test_a_session_ends_at_once_with_its_user(inside, values):
    assert inside.get(QUEUE).status_code == 200
    with inside.store.begin() as session:
        session.execute(sa.update(User).values(values).where(User.role == Role.AGENT))
    assert inside.get(QUEUE).status_code == 303


def test_logging_out_ends_the_session_on_every_device(inside):
    here, other = inside.client, inside.app.test_client()
    inside.enter(client=other)
    inside.client = here
    assert inside.send("/ops/logout", QUEUE).location == "/ops/login"
    for client in (here, other):
        assert client.get(QUEUE).status_code == 303


def test_a_login_begins_a_new_session(desk):
    desk.get("/ops/login")
    with desk.client.session_transaction() as kept:
        kept["planted"] = "by somebody"
    desk.enter()
    with desk.client.session_transaction() as kept:
        assert "planted" not in kept


def test_the_cookie_is_for_this_host_alone_where_there_is_https(sqlite_url):
    safe = Console(sqlite_url, base_url="https://parcels.example.com")
    page = safe.client.get("/ops/login", base_url="https://parcels.example.com")
    cookie = page.headers["Set-Cookie"]
    safe.close()
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {word.strip() for word in cookie.split(";")}


def test_a_form_that_is_sent_after_the_session_ended_is_there_again_after_the_login(inside):
    ref = one(inside, trouble)
    token = TOKEN.search(inside.get(f"/ops/incidents/{ref}").text)[1]
    inside.at = NOON + HOUR
    form = {"at": "2026-11-18T12:30", "channel": "mail", "person": "Luis", "outcome": "<b>vino</b>"}
    asked = inside.client.post(f"/ops/incidents/{ref}/contact", data={"csrf_token": token, **form})
    assert asked.status_code == 401
    assert inside.rows(Contact) == []
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text))
    hidden["kept-outcome"] = form["outcome"]
    shown = inside.client.post("/ops/login", data={**hidden, "email": "agent@shop.example", "password": PASSWORD})
    assert shown.status_code == 200
    assert 'value="Luis"' in shown.text
    assert "&lt;b&gt;vino&lt;/b&gt;" in shown.text
    assert inside.rows(Contact) == []


def test_staff_choose_their_language(inside):
    assert "What is due next" in inside.text(QUEUE)
    inside.send("/ops/language", QUEUE, locale="es")
    assert "Qué toca ahora" in inside.text(QUEUE)
    assert inside.send("/ops/language", QUEUE, locale="xx").status_code == 303
    assert "Qué toca ahora" in inside.text(QUEUE)


# --- the one-time link ------------------------------------------------------------------------------------------------


def invitation(desk, at=NOON, **more):
    with desk.store.begin() as session:
        lead = session.scalars(sa.select(User).where(User.role == Role.LEAD)).one()
        return access.one_time_login(session, desk.tools, at, lead, **more)


def test_a_one_time_link_lets_in_once(desk):
    path = invitation(desk)
    before = everything(desk)
    assert "as Ana lead" in desk.text(path)
    assert everything(desk) == before
    assert desk.send(path).location == QUEUE
    assert "Ana lead" in desk.text(QUEUE)
    stranger = desk.app.test_client()
    assert stranger.get(path).status_code == 410
    token = TOKEN.search(stranger.get("/ops/login").text)[1]
    assert stranger.post(path, data={"csrf_token": token}).status_code == 410


ENDED = {
    "after ten minutes": lambda desk, path: setattr(desk, "at", NOON + 10 * MINUTE) or path,
    "changed": lambda desk, path: path[:-1] + ("A" if path[-1] != "A" else "B"),
    "made up": lambda desk, path: "/ops/in/nothing",
    "signed with another key": lambda desk, path: invitation_with(desk, b"another secret of thirty-two bytes"),
}


def invitation_with(desk, secret):
    with desk.store.begin() as session:
        lead = session.scalars(sa.select(User).where(User.role == Role.LEAD)).one()
        return access.one_time_login(session, make.tools(desk.store, secret=secret), NOON, lead)


@pytest.mark.parametrize("end", ENDED.values(), ids=ENDED)
def test_a_one_time_link_that_is_not_good_lets_nobody_in(desk, end):
    path = end(desk, invitation(desk))
    assert desk.get(path).status_code == 410
    assert desk.get(QUEUE).status_code == 303


def test_without_a_secret_key_no_one_time_link_is_made(desk):
    with pytest.raises(ValueError, match="secret key"):
        invitation_with(desk, b"")


# --- the queue --------------------------------------------------------------------------------------------------------


def refs(desk, path=QUEUE):
    """The references of a page of the queue, in their order, and the address of the next page."""
    text = desk.get(path).text
    following = re.search(r'href="([^"]+)" rel="next"', text)
    shown = re.findall(r'stretched-link" href="/ops/incidents/(\w+)"', text)
    return shown, following and following[1].replace("&amp;", "&")


def test_the_queue_shows_what_is_due_next_first(inside):
    with inside.store.begin() as session:
        order = []
        for hours in (5, -30, 1, -3):
            incident = trouble(session)
            make.promise(session, incident, NOON + hours * HOUR, now=NOON - 3 * DAY)
            order.append((hours, incident.ref))
        dateless = trouble(session).ref
        closed = trouble(session)
        closed.state, closed.resolved_at = State.RESOLVED, NOON
    assert refs(inside)[0] == [ref for _, ref in sorted(order)] + [dateless]


def test_a_row_says_who_must_do_what_by_when_and_how_it_stands(inside):
    one(inside, lambda session: whole_case(session, inside.tools))
    text = inside.text(QUEUE)
    assert "1 hour late Wed 18 Nov, 11:00 Tracker: remind, or go higher up" in text
    assert "Damage or loss, which of the two is open" in text
    assert "Promise broken" in text
    assert "Refund waits for approval" in text


NEXT = {
    "a call": (lambda s, i: make.promise(s, i, NOON + HOUR), "in 1 hour Wed 18 Nov, 13:00 Depot: call the customer"),
    "a call to us": (
        lambda s, i: make.promise(s, i, NOON + HOUR, beneficiary=Party.MERCHANT),
        "in 1 hour Wed 18 Nov, 13:00 Depot: call us back",
    ),
    "a task": (
        lambda s, i: (
            chore(s, NOON - HOUR, kind=TaskKind.DECIDE, incident_id=i.id),
            setattr(i, "next_due_at", NOON - HOUR),
        ),
        "1 hour late Wed 18 Nov, 11:00 We: Decide how it goes on",
    ),
    "nothing": (lambda s, i: None, "no date We: decide how it goes on"),
}


@pytest.mark.parametrize(("owe", "said"), NEXT.values(), ids=NEXT)
def test_what_is_due_next_is_told_in_words(inside, owe, said):
    with inside.store.begin() as session:
        owe(session, trouble(session))
    assert said in inside.text(QUEUE)


def test_pages_of_the_queue_lose_and_repeat_nothing(inside, monkeypatch):
    monkeypatch.setattr(queue.queue, "__defaults__", (queue.Show.ALL, None, 4))
    with inside.store.begin() as session:
        expected = []
        for hours in (3, 1, 1, 1, 1, 1, 2, None, None, None, None, None, None):
            incident = trouble(session)
            incident.next_due_at = None if hours is None else NOON + hours * HOUR + timedelta(microseconds=1)
            expected.append((hours is None, hours or 0, incident.id, incident.ref))
    found, path, pages = [], QUEUE, 0
    while path:
        shown, path = refs(inside, path)
        found += shown
        pages += 1
    assert found == [ref for *_, ref in sorted(expected)]
    assert pages == 4


@pytest.mark.parametrize("after", ["x", "1.x", "-1", "9" * 30, "9" * 30 + ".1", "1.", "٣"])
def test_a_place_in_the_queue_that_cannot_be_is_not_found(inside, after):
    assert inside.get(QUEUE, query_string={"after": after}).status_code == 404


def test_parts_of_the_queue(inside):
    with inside.store.begin() as session:
        late, calm, asked, parcel = (trouble(session) for _ in range(4))
        for incident, hours in ((late, -1), (calm, 5)):
            make.promise(session, incident, NOON + hours * HOUR, now=NOON - DAY)
        chore(session, NOON + HOUR, kind=TaskKind.DECIDE, incident_id=asked.id)
        asked.next_due_at = NOON + HOUR
        chore(session, NOON + 2 * HOUR, shipment_id=parcel.shipment_id)
        parcel.next_due_at = NOON + 2 * HOUR
    assert refs(inside, "/ops/?show=overdue")[0] == [late.ref]
    assert refs(inside, "/ops/?show=person")[0] == [asked.ref, parcel.ref]
    assert refs(inside)[0] == [late.ref, asked.ref, parcel.ref, calm.ref]
    assert "All open 4 Overdue 1 Needs a person 2" in inside.text(QUEUE)
    assert inside.get("/ops/?show=nothing").status_code == 404


def test_tasks_that_hang_on_no_open_incident_are_shown_and_can_be_done(inside):
    with inside.store.begin() as session:
        free = chore(session, NOON - HOUR, shipment_id=make.shipment(session).id)
        over = trouble(session)
        over.state, over.resolved_at, over.outcome = State.RESOLVED, NOON, Outcome.REFUNDED
        again = chore(session, NOON + HOUR, kind=TaskKind.REAPPEARED, incident_id=over.id)
        covered = chore(session, NOON, shipment_id=trouble(session).shipment_id)
    text = inside.get(QUEUE).text
    assert [int(n) for n in re.findall(r"/ops/tasks/(\d+)/done", text)] == [free.id, again.id]
    assert [int(n) for n in re.findall(r"/ops/tasks/(\d+)/done", inside.get("/ops/tasks").text)] == [free.id, again.id]
    for _ in range(2):
        assert inside.send(f"/ops/tasks/{free.id}/done", QUEUE).status_code == 303
    assert [task.state for task in inside.rows(Task)] == [TaskState.DONE, TaskState.OPEN, TaskState.OPEN]
    assert len(inside.rows(Audit, action="task_done")) == 1
    assert covered.id not in {free.id, again.id}
    assert inside.send("/ops/tasks/999/done", QUEUE).status_code == 404


def test_pages_of_loose_tasks_lose_and_repeat_nothing(inside, monkeypatch):
    monkeypatch.setattr("tracker.web.ops.desk.loose_after", lambda session, after: loose_after(session, after, 3))
    with inside.store.begin() as session:
        due = [(NOON + n % 3 * HOUR, make.shipment(session).id) for n in range(8)]
        order = sorted((at, chore(session, at, shipment_id=parcel).id) for at, parcel in due)
    found, path = [], "/ops/tasks"
    while path:
        text = inside.get(path).text
        found += [int(n) for n in re.findall(r"/ops/tasks/(\d+)/done", text)]
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following and following[1]
    assert found == [task for _, task in order]


@pytest.mark.parametrize("incidents", [1, 60])
def test_W3_the_queue_costs_four_statements_however_long_it_is(inside, incidents):
    with inside.store.begin() as session:
        for n in range(incidents):
            incident = trouble(session)
            make.promise(session, incident, NOON + n * MINUTE, now=NOON - DAY)
            chore(session, NOON, kind=TaskKind.DECIDE, incident_id=incident.id)
            chore(session, NOON, shipment_id=make.shipment(session).id)
    for path in (QUEUE, "/ops/?show=overdue", "/ops/?show=person"):
        with statements(inside) as sent:
            assert inside.get(path).status_code == 200
        assert len(sent) <= 4, sent


def test_W3_counting_stops_above_a_thousand(inside, monkeypatch):
    monkeypatch.setattr(queue, "MOST", 3)
    monkeypatch.setattr("tracker.web.ops.rows.MOST", 3)
    with inside.store.begin() as session:
        for _ in range(5):
            trouble(session, next_due_at=NOON - HOUR)
    assert "All open 1,000+ Overdue 1,000+ Needs a person 0" in inside.text(QUEUE)


def test_W3_a_page_is_read_from_the_queue_s_index(sqlite_url):
    store = make.store(sqlite_url)
    with store.read() as session:
        page = queue.page_ids(queue.Show.ALL, True, 51).params(at=NOON, last=1)
        asked = str(page.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
        plan = " ".join(row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}"))
    store.close()
    assert plan.count("ix_incidents_queue") == 2
    assert "SCAN incidents" not in plan


# --- the search -------------------------------------------------------------------------------------------------------


def test_a_parcel_is_found_by_number_order_and_reference(inside):
    with inside.store.begin() as session:
        incident = trouble(session)
        number, order = incident.shipment.number, incident.shipment.order.number
    spaced = f" {number[:4]} {number[4:]} "
    for words in (number, spaced, order, order.lower(), incident.ref, incident.ref.lower(), str(int(incident.ref[1:]))):
        answer = inside.get("/ops/search", query_string={"q": words})
        assert (answer.status_code, answer.location) == (303, f"/ops/incidents/{incident.ref}"), words


def test_a_parcel_without_an_incident_is_found_too(inside):
    with inside.store.begin() as session:
        number = make.shipment(session).number
    text = inside.text("/ops/search", query_string={"q": number})
    assert number in text
    assert "no incident" in text


def test_several_parcels_of_an_order_are_listed_the_troubled_one_first(inside):
    with inside.store.begin() as session:
        order = make.order(session, number="A-77")
        bad = make.incident(session, make.shipment(session, order_id=order.id))
        fine = make.shipment(session, order_id=order.id).number
    text = inside.text("/ops/search", query_string={"q": "A-77"})
    assert text.index(bad.ref) < text.index(fine)


@pytest.mark.parametrize("words", ["", "   ", "%", "nothing", "'; drop table users", "9" * 200, "²"])
def test_what_is_not_there_is_not_found(inside, words):
    answer = inside.get("/ops/search", query_string={"q": words})
    assert answer.status_code == 200
    assert "stretched-link" not in answer.text


# --- one incident -----------------------------------------------------------------------------------------------------


def test_everything_for_a_call_stands_on_one_page(inside):
    text = inside.page(case(inside))
    for said in (
        "Marta Peña", "+34 600 100 200", "marta@example.com", "SEUR Badajoz", "+34 924 000 111",
        "open now, until 14:00",
        "Mon-Fri 09:00-14:00, 16:00-19:00; closed on holidays", "SEUR, reclamaciones",
        "open now, until 18:00", "30 kg", "ES 06001",
        "Depot: say whether it is damaged or lost", "assumed", "Depot: call the customer", "broken",
        "end of the next working day from Tue 09:10 → Wed 19:00", "€180.00", "waits for approval",
        "A lead approves it.",
        "Depot and customer say the opposite: decide", "Ana agent Phone with Marta, línea nacional",
        "Reference REF-8841",
        "Wed 18 Nov, 11:00 · Customer Broken: Depot, call the customer", "Reminder to the depot", "LI",
        "Carrier The carrier reports damage or loss Mérida", "Getafe",
    ):  # fmt: skip
        assert said in text.replace("· Ana agent", "Ana agent").replace("· Carrier", "Carrier"), said


def test_the_page_speaks_spanish_throughout(inside):
    ref = case(inside)
    inside.send("/ops/language", QUEUE, locale="es")
    text = inside.page(ref)
    for said in (
        "fin del siguiente día laborable desde mar 09:10 → mié 19:00",
        "lun-vie 09:00-14:00",
        "180,00",
        "el cliente dijo que no",
    ):
        assert said in text.replace("\xa0", " "), said
    assert not re.search(
        r"\b(the|customer|refund|promise|kept|owed)\b", text.replace("I000001-refund-1", ""), re.IGNORECASE
    )


def test_the_page_of_a_resolved_incident_keeps_the_log(inside):
    ref = case(inside)
    with inside.store.begin() as session:
        closing.resolve(session, session.scalars(sa.select(Incident)).one(), NOON, make.JOB, Outcome.DELIVERED, "here")
    text = inside.page(ref)
    assert "Resolved: Delivered" in text
    assert "Log a call or message" in text
    assert "Record a promise" not in text
    assert "Propose a refund" not in text


def test_looking_changes_nothing(inside):
    ref = case(inside)
    inside.get(QUEUE)
    before = everything(inside)
    for path in (
        QUEUE,
        "/ops/tasks",
        f"/ops/search?q={ref}",
        f"/ops/incidents/{ref}",
        f"/ops/incidents/{ref}/contact",
        "/ops/login",
    ):
        assert inside.get(path).status_code in {200, 303}, path
    assert everything(inside) == before


def test_an_incident_that_is_not_there(inside):
    assert inside.get("/ops/incidents/I999999").status_code == 404
    assert inside.act(one(inside, trouble), "promises/999/kept").status_code == 404
    token = TOKEN.search(inside.get(QUEUE).text)[1]
    answer = inside.client.post(
        "/ops/incidents/I999999/resolve", data={"csrf_token": token, "outcome": "delivered", "why": "x"}
    )
    assert answer.status_code == 404


# --- contacts and promises --------------------------------------------------------------------------------------------

CALL = {
    "at": "2026-11-18T11:30",
    "channel": "phone",
    "person": "Marta",
    "reference": "REF-1",
    "reason": "where is it?",
    "outcome": "they call tomorrow",
}
TERMS = {"performer": "depot", "action": "call", "beneficiary": "customer", "due_at": "2026-11-19T14:00"}


def test_a_contact_is_logged_with_the_promise_made_in_it_once(inside):
    ref = one(inside, trouble)
    for _ in range(2):
        answer = inside.act(ref, "contact", **CALL, promised="1", **TERMS)
        assert (answer.status_code, answer.location) == (303, f"/ops/incidents/{ref}")
    (contact,), (promise,) = inside.rows(Contact), inside.rows(Promise)
    assert contact.at == datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
    assert (contact.person, contact.reference, contact.logged_by) == ("Marta", "REF-1", "1")
    assert promise.due_at == datetime(2026, 11, 19, 13, tzinfo=UTC)
    assert (promise.performer, promise.action, promise.version) == (Party.DEPOT, Action.CALL, 1)
    made = inside.rows(Audit, action="promise_made")[-1]
    assert (made.actor_kind, made.actor_id, made.via) == ("staff", "1", "ops")
    assert "Phone with Marta" in inside.page(ref)


def test_without_the_tick_only_the_contact_is_logged(inside):
    inside.act(one(inside, trouble), "contact", **CALL, **TERMS)
    assert len(inside.rows(Contact)) == 1
    assert inside.rows(Promise) == []


REFUSED = {
    "a date in the past": ("promise", {**TERMS, "due_at": "2026-11-18T11:59"}, "The due time lies in the past"),
    "no date": ("promise", {**TERMS, "due_at": ""}, "Give the day and the time"),
    "a date without a time of day that exists": (
        "promise",
        {**TERMS, "due_at": "2027-03-28T02:30"},
        "That time does not exist",
    ),
    "a date far beyond": ("promise", {**TERMS, "due_at": "0001-01-01T00:00"}, "The due time lies in the past"),
    "a date in another century": ("promise", {**TERMS, "due_at": "2126-11-19T14:00"}, "That is more than a year ahead"),
    "the last of all dates": ("promise", {**TERMS, "due_at": "9999-12-31T23:59"}, "That is more than a year ahead"),
    "an unknown action": ("promise", {**TERMS, "action": "dance"}, "Choose one of the answers"),
    "our own refund": ("promise", {**TERMS, "action": "refund"}, "A refund is announced by the incident itself"),
    "a contact in the future": ("contact", {**CALL, "at": "2026-11-18T12:01"}, "A contact cannot be logged before"),
    "a contact by no channel": ("contact", {**CALL, "channel": " "}, "Say how the contact took place"),
    "a promise in a contact, past": (
        "contact",
        {**CALL, "promised": "1", **TERMS, "due_at": "2026-11-01T10:00"},
        "The due time lies in the past",
    ),
    "an end without a reason": ("resolve", {"outcome": "delivered", "why": " "}, "Say why"),
    "an end that is none": ("resolve", {"outcome": "never", "why": "x"}, "Choose one of the answers"),
    "an amount that is none": ("refunds", {"amount": "much"}, "Give an amount such as 180.00"),
    "more than was paid": ("refunds", {"amount": "180,01"}, "more would go back than was paid"),
}


@pytest.mark.parametrize(("form", "values", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_beside_the_form_and_nothing_typed_is_lost(inside, form, values, why):
    ref = one(inside, trouble)
    before = everything(inside)
    answer = inside.act(ref, form, **values)
    assert answer.status_code == 422
    assert why in plain(answer)
    typed = [
        value
        for value in values.values()
        if re.fullmatch(r"[\w, :?-]{5,}", value)
        and value not in {"customer", "dance", "never", "phone", "depot", "refund", "delivered"}
    ]
    for value in typed:
        assert value in answer.text, value
    assert everything(inside) == before


def test_the_same_promise_again_is_its_new_date(inside):
    ref = one(inside, trouble)
    inside.act(ref, "promise", **TERMS)
    inside.act(ref, "promise", **{**TERMS, "due_at": "2026-11-20T10:00"}, terms="said by mail")
    (promise,) = inside.rows(Promise)
    assert (promise.version, promise.due_at) == (2, datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert "said by mail" in inside.page(ref)


def promised(inside, due=NOON - HOUR):
    ref = one(inside, trouble)
    with inside.store.begin() as session:
        make.promise(session, session.scalars(sa.select(Incident)).one(), due, now=NOON - DAY)
    return ref


WORDS = {
    "kept in time": ("kept", {"at": "2026-11-18T10:30"}, Promised.KEPT),
    "kept late": ("kept", {"at": "2026-11-18T11:30"}, Promised.KEPT_LATE),
    "kept, at no said time": ("kept", {}, Promised.KEPT_LATE),
    "broken": ("broken", {"at": "2026-11-18T12:00"}, Promised.BROKEN),
}


@pytest.mark.parametrize(("word", "form", "state"), WORDS.values(), ids=WORDS)
def test_a_promise_is_judged_once(inside, word, form, state):
    ref = promised(inside)
    for _ in range(2):
        assert inside.act(ref, f"promises/1/{word}", **form, seen="made").status_code == 303
    (promise,) = inside.rows(Promise)
    assert promise.state is state
    assert len(inside.rows(Audit, action=f"promise_{state}")) == 1
    assert inside.rows(Audit, action=f"promise_{state}")[0].actor_id == "1"


def test_two_clicks_on_broken_do_not_judge_a_dispute(inside):
    ref = promised(inside)
    inside.act(ref, "promises/1/kept", seen="made")
    for _ in range(2):
        inside.act(ref, "promises/1/broken", seen="kept_late")
    assert inside.rows(Promise)[0].state is Promised.DISPUTED


def test_a_deed_of_tomorrow_judges_nothing(inside):
    answer = inside.act(promised(inside), "promises/1/kept", at="2026-11-19T12:00")
    assert answer.status_code == 422
    assert inside.rows(Promise)[0].state is Promised.MADE


def test_nothing_of_another_incident_can_be_touched(inside):
    promised(inside)
    with inside.store.begin() as session:
        other = trouble(session)
        task = chore(session, NOON, kind=TaskKind.DECIDE, incident_id=session.scalars(sa.select(Incident)).first().id)
    for deed in ("promises/1/broken", f"tasks/{task.id}/done", "refunds/1/cancel"):
        assert inside.act(other.ref, deed, why="x").status_code == 404, deed
    assert inside.rows(Promise)[0].state is Promised.MADE


# --- ends, tasks and refunds ------------------------------------------------------------------------------------------


def test_an_incident_is_resolved_once(inside):
    ref = promised(inside)
    for _ in range(2):
        assert inside.act(ref, "resolve", outcome="delivered", why="the customer has it").status_code == 303
    (incident,) = inside.rows(Incident)
    assert (incident.state, incident.outcome) == (State.RESOLVED, Outcome.DELIVERED)
    assert inside.rows(Promise)[0].state is Promised.VOID
    assert len(inside.rows(Audit, action="resolved")) == 1
    assert "the customer has it" in inside.page(ref)
    again = inside.act(ref, "resolve", outcome="refunded", why="no")
    assert again.status_code == 409
    assert "the case has moved on" in plain(again)


def test_a_task_is_done_once_and_tells_who(inside):
    ref = one(inside, trouble)
    with inside.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        chore(session, NOON - HOUR, kind=TaskKind.DECIDE, incident_id=incident.id)
        incident.next_due_at = NOON - HOUR
    for _ in range(2):
        assert inside.act(ref, "tasks/1/done").status_code == 303
    assert inside.rows(Incident)[0].next_due_at is None
    assert len(inside.rows(Audit, action="task_done")) == 1
    assert "Done: Decide how it goes on" in inside.page(ref)


def test_the_approval_of_a_refund_cannot_be_ticked_off(inside):
    ref = case(inside)
    (task,) = inside.rows(Task, kind=TaskKind.APPROVE)
    answer = inside.act(ref, f"tasks/{task.id}/done")
    assert (answer.status_code, inside.rows(Task, kind=TaskKind.APPROVE)[0].state) == (422, TaskState.OPEN)


def test_a_refund_is_proposed_by_an_agent_and_approved_by_a_lead_once(desk):
    desk.enter(Role.AGENT)
    ref = one(desk, trouble)
    for _ in range(2):
        assert desk.act(ref, "refunds", amount="").status_code == 303
    (remedy,) = desk.rows(Remedy)
    assert (remedy.amount_minor, remedy.state) == (18000, Refund.REQUESTED)
    assert "Approve €180.00" not in desk.page(ref)
    assert desk.act(ref, "refunds/1/approve").status_code == 403
    assert desk.rows(Remedy)[0].state is Refund.REQUESTED
    desk.enter(Role.LEAD, desk.app.test_client())
    assert "Approve €180.00" in desk.page(ref)
    said = [plain(desk.client.get(desk.act(ref, "refunds/1/approve").location)) for _ in range(2)]
    assert "The refund is approved and goes out." in said[0]
    assert "It was approved before: it goes out once." in said[1]
    (remedy,) = desk.rows(Remedy)
    assert (remedy.state, remedy.approver) == (Refund.APPROVED, "staff:2")
    assert len(desk.rows(Audit, action="refund_approved")) == 1


def test_an_amount_may_be_written_as_people_write_it(inside):
    inside.act(one(inside, trouble), "refunds", amount=" 90,50 ")
    assert inside.rows(Remedy)[0].amount_minor == 9050


def test_a_refund_is_cancelled_with_a_reason_once_and_an_approved_one_by_a_lead(desk):
    desk.enter(Role.LEAD)
    ref = one(desk, trouble)
    desk.act(ref, "refunds")
    assert desk.act(ref, "refunds/1/cancel", why=" ").status_code == 422
    desk.act(ref, "refunds/1/approve")
    desk.enter(Role.AGENT, desk.app.test_client())
    assert desk.act(ref, "refunds/1/cancel", why="no").status_code == 403
    desk.enter(Role.ADMIN, desk.app.test_client())
    for _ in range(2):
        assert desk.act(ref, "refunds/1/cancel", why="replaced instead").status_code == 303
    (remedy,) = desk.rows(Remedy)
    assert (remedy.state, remedy.detail) == (Refund.CANCELLED, "replaced instead")


def test_a_lead_says_what_became_of_an_unclear_refund(desk):
    desk.enter(Role.LEAD)
    ref = one(desk, trouble)
    desk.act(ref, "refunds")
    with desk.store.begin() as session:
        session.execute(sa.update(Remedy).values(state=Refund.NEEDS_PERSON))
    assert desk.act(ref, "refunds/1/conclude", made="yes", note=" ").status_code == 422
    assert desk.act(ref, "refunds/1/conclude", made="perhaps", note="x").status_code == 422
    assert desk.act(ref, "refunds/1/conclude", made="yes", note="the bank, RF-1").status_code == 303
    assert desk.rows(Remedy)[0].state is Refund.SUCCEEDED_EXTERNALLY
    assert desk.rows(Incident)[0].outcome is Outcome.REFUNDED


# --- where a form comes from ------------------------------------------------------------------------------------------


def test_no_form_counts_without_its_token_or_from_another_site(inside):
    ref = case(inside)
    inside.get(QUEUE)
    before = everything(inside)
    posts = [
        rule for rule in inside.app.url_map.iter_rules() if rule.endpoint.startswith("ops.") and "POST" in rule.methods
    ]
    token = TOKEN.search(inside.get(QUEUE).text)[1]
    for rule in posts:
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<int:[^>]+>", "1", path).replace("<ref>", ref).replace("<told>", "x")
        assert inside.client.post(path, data={"why": "x"}).status_code == 400, path
        other = inside.client.post(path, data={"csrf_token": token}, headers={"Sec-Fetch-Site": "cross-site"})
        assert other.status_code == 403, path
    assert len(posts) >= 12
    assert everything(inside) == before


def test_what_others_wrote_is_text_and_nothing_else(inside):
    canary = '"><img src=x onerror=1>'
    ref = one(inside, trouble)
    with inside.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        incident.shipment.order.customer.name = incident.shipment.order.number = canary
        incident.shipment.depot.name = incident.shipment.depot.hours = incident.shipment.number = canary
        incident.shipment.depot.hours = "Mo-Fr 09:00-14:00"
        make.event(session, incident.shipment, NOON, text=canary, location=canary)
        chore(session, NOON, incident_id=incident.id).reason = canary
    inside.act(ref, "contact", **{**CALL, "person": canary, "outcome": canary, "channel": canary[:32]})
    refused = inside.act(ref, "contact", **{**CALL, "person": canary, "at": "x", "outcome": canary})
    for page in (
        inside.get(QUEUE),
        inside.get(f"/ops/incidents/{ref}"),
        refused,
        inside.get("/ops/search", query_string={"q": canary}, follow_redirects=True),
    ):
        assert "&lt;img" in page.text
        assert "<img src=x" not in page.text


def test_a_character_that_no_database_keeps_is_refused(inside):
    ref = one(inside, trouble)
    answers = [
        inside.get("/ops/search", query_string={"q": "\x00"}),
        inside.get("/ops/incidents/%00"),
        inside.act(ref, "contact", **{**CALL, "outcome": "a\x00b"}),
        inside.send("/ops/login", email="\x00", password="x"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
