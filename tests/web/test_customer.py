"""The customer's way to his page, what it says and what he may answer there."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.web.faces import Faces, plain
from tracker.domain.events import ExceptionCode, Source, Stage
from tracker.domain.incidents import Desired, Kind, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import Mode
from tracker.domain.refunds import State as Refund
from tracker.store.base import Base
from tracker.store.incidents import Incident, Task, Timeline
from tracker.store.links import Attempt, Link, Purpose
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment
from tracker.web.customer import sayings

HOUR = timedelta(hours=1)
NOON = make.NOON
CALL_DUE = NOON + 26 * HOUR
REFUND_DUE = datetime(2026, 11, 23, 17, tzinfo=UTC)  # Monday, 18:00 in Madrid: the end of the staff's day


@pytest.fixture
def faces(store_url):
    served = Faces(store_url)
    yield served
    served.close()


def parcel(session, *, locale="en", channel=None, **values):
    """A parcel for Marta in Badajoz with two scans."""
    order = make.order(session, customer={"locale": locale}, channel=channel)
    shipment = make.shipment(session, order_id=order.id, **{"depot_id": make.depot(session).id, **values})
    make.event(session, shipment, NOON - 5 * make.DAY, text="RECOGIDO", stage=Stage.ACCEPTED, location="Madrid")
    make.event(session, shipment, NOON - 4 * make.DAY, text="EN TRÁNSITO")
    return shipment


def trouble(session, *, call_due=CALL_DUE, kind=Kind.DAMAGED_OR_LOST, refund_due=REFUND_DUE, asked_at=None, **values):
    """A parcel in trouble: the depot owes a call, a refund is announced."""
    shipment = parcel(session, **values)
    scan = {"text": "SINIESTRO", "stage": None, "exception": ExceptionCode.DAMAGED_OR_LOST}
    make.event(session, shipment, NOON - HOUR, location="Badajoz", **scan)
    incident = make.incident(session, shipment, kind=kind, now=NOON - HOUR)
    if call_due:
        make.promise(session, incident, call_due, now=NOON - HOUR, asked_at=asked_at)
    if refund_due:
        make.promise(session, incident, refund_due, action=Action.REFUND, performer=Party.MERCHANT)
        incident.remedy_at = refund_due
    return shipment, incident


def page(session, shipment, purpose=Purpose.CUSTOMER, **values):
    """The address of a page about a shipment."""
    return f"/p/{make.token(session, purpose, shipment_id=shipment.id, **values)}"


# --- number and postcode ----------------------------------------------------------------------------------------------


def track(faces, number, postcode):
    return faces.send("/track", "/", number=number, postcode=postcode)


def test_number_and_postcode_lead_to_a_page_of_status_and_times(faces):
    with faces.store.begin() as session:
        number = parcel(session).number
    answer = track(faces, number, "06001")
    assert answer.status_code == 303
    assert answer.location.startswith("/p/")
    assert "Your parcel is on its way." in faces.text(answer.location)


WRITTEN = {
    "as it is": ("AB 12-x", "06001", "AB 12-x", "06001"),
    "with spaces around": ("AB12", "06001", "  AB12 ", " 06001 "),
    "in small letters": ("AB12", "06001", "ab12", "06001"),
    "with spaces inside": ("AB12", "06001", "AB 1 2", "06 001"),
    "full-width": ("AB12", "06001", "ＡＢ１２", "０６００１"),  # as some phones write
    "a postcode that lost its nought": ("AB12", "06001", "AB12", "6001"),
    "a postcode with a sign": ("AB12", "1000-205", "AB12", "1000205"),
    "a postcode of letters": ("AB12", "SW1A 1AA", "AB12", "sw1a1aa"),
}


@pytest.mark.parametrize(("number", "postcode", "typed", "typed_code"), WRITTEN.values(), ids=WRITTEN)
def test_number_and_postcode_are_found_as_people_write_them(faces, number, postcode, typed, typed_code):
    with faces.store.begin() as session:
        parcel(session, number=number, postcode=postcode)
    assert track(faces, typed, typed_code).status_code == 303


WRONG = {
    "an unknown number": ("NOBODY", "06001"),
    "a wrong postcode": ("KNOWN", "28001"),
    "no postcode": ("KNOWN", ""),
    "nothing at all": ("", ""),
    "a parcel without a postcode": ("BLANK", ""),
    "a number too long": ("K" * 5000, "06001"),
    "a number with NUL": ("KNOWN\0", "28001"),
    "a wildcard": ("%", "%"),
}


def test_every_wrong_answer_is_the_same_to_the_byte(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
        parcel(session, number="BLANK", postcode="")
    answers = {name: track(faces, *typed) for name, typed in WRONG.items()}
    first = answers["an unknown number"]
    assert first.status_code == 404
    assert "We cannot show you a parcel for that." in first.text or "ningún paquete" in first.text
    told = {name: (answer.status, answer.data, answer.headers.to_wsgi_list()) for name, answer in answers.items()}
    assert {name for name, answer in told.items() if answer != told["an unknown number"]} == set()


def test_unknown_number_and_wrong_postcode_cost_the_same_statements(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
    faces.send("/track", "/", number="WARM", postcode="1")
    spent = []
    for number in ("NOBODY", "KNOWN"):
        with counted(faces.store.engine) as statements:
            track(faces, number, "28001")
        spent.append([statement.split("(")[0] for statement in statements])
    assert spent[0] == spent[1]
    assert len(spent[0]) == 3


def test_after_five_guesses_the_right_postcode_is_refused_alike_until_the_next_hour(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
    wrong = [track(faces, number, "28001") for number in ("KNOWN", "known", " KNOWN", "K NOWN", "ＫNOWN")]
    right = track(faces, "KNOWN", "06001")
    assert {answer.status_code for answer in wrong} == {404}
    assert (right.status_code, right.data) == (wrong[0].status_code, wrong[0].data)
    faces.at = NOON.replace(hour=12)
    assert track(faces, "KNOWN", "06001").status_code == 303


def test_the_fifth_guess_may_still_be_right(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
    for _ in range(4):
        track(faces, "KNOWN", "28001")
    assert track(faces, "KNOWN", "06001").status_code == 303


def test_right_answers_are_no_guesses(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
    assert [track(faces, "KNOWN", "06001").status_code for _ in range(8)] == [303] * 8


def test_one_visitor_has_thirty_guesses_an_hour_over_all_parcels(faces):
    with faces.store.begin() as session:
        parcel(session, number="KNOWN")
    for place in range(30):
        track(faces, f"GUESS{place}", "06001")
    assert track(faces, "KNOWN", "06001").status_code == 404
    elsewhere = faces.app.test_client()
    faces.client, mine = elsewhere, faces.client
    faces.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert track(faces, "KNOWN", "06001").status_code == 303
    faces.client = mine


def test_the_postcode_decides_between_shipments_with_one_number(faces):
    with faces.store.begin() as session:
        for carrier, code, stage in (("seur", "06001", Stage.DELIVERED), ("dhl_unified", "28001", Stage.RETURNED)):
            parcel(session, carrier=carrier, number="SAME", postcode=code, stage=stage)
    assert "has been delivered" in faces.text(track(faces, "SAME", "06001").location)
    assert "back at the shop" in faces.text(track(faces, "SAME", "28001").location)


def test_of_a_number_used_again_the_newest_counts(faces):
    with faces.store.begin() as session:
        for epoch, stage in ((1, Stage.DELIVERED), (2, Stage.OUT_FOR_DELIVERY)):
            parcel(session, number="AGAIN", epoch=epoch, stage=stage)
    assert "out for delivery" in faces.text(track(faces, "AGAIN", "06001").location)


# --- links ------------------------------------------------------------------------------------------------------------


def test_unknown_expired_and_revoked_links_are_told_alike_and_say_how_to_go_on(faces):
    with faces.store.begin() as session:
        shipment = parcel(session)
        expired = page(session, shipment, days=-1)
        revoked = page(session, shipment)
        session.scalars(sa.select(Link).order_by(Link.id.desc())).first().revoked_at = NOON
        depots = page(session, shipment, Purpose.DEPOT)
    answers = [faces.get(path) for path in ("/p/nobody", expired, revoked, depots)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert 'href="/"' in answers[0].text


def test_a_link_works_until_its_last_minute(faces):
    with faces.store.begin() as session:
        path = page(session, parcel(session), days=1)
    faces.at = NOON + make.DAY - timedelta(seconds=1)
    assert faces.get(path).status_code == 200
    faces.at = NOON + make.DAY
    assert faces.get(path).status_code == 404


def test_number_and_postcode_show_nothing_personal(faces):
    with faces.store.begin() as session:
        shipment, _ = trouble(session)
        shown, mailed = page(session, shipment, Purpose.STATUS), page(session, shipment)
    status, own = faces.get(shown).text, faces.get(mailed).text
    for secret in ("Marta", "example.com", "600 100", "180", "Badajoz", "Mérida", "SINIESTRO", "RECOGIDO"):
        assert secret not in status
    assert {"Badajoz", "Mérida", "SINIESTRO"} <= {word for word in ("Badajoz", "Mérida", "SINIESTRO") if word in own}
    assert "Mail me my link" in status
    assert "Mail me my link" not in own


@pytest.mark.parametrize(
    ("about", "form"),
    [("call", {"called": "no"}), ("choice", {"desired": "refund"}), ("well", {"well": "yes"})],
    ids=["call", "choice", "well"],
)
def test_number_and_postcode_let_nobody_answer(faces, about, form):
    with faces.store.begin() as session:
        shipment, _ = trouble(session, asked_at=NOON)
        path = page(session, shipment, Purpose.STATUS)
    before = everything(faces)
    assert faces.send(f"{path}/{about}", path, **form).status_code == 404
    assert faces.get(f"{path}/{about}").status_code == 404
    assert everything(faces) == before


def test_the_link_is_mailed_to_the_contact_on_file_three_times_an_hour_at_most(faces):
    with faces.store.begin() as session:
        shipment = parcel(session)
        path = page(session, shipment, Purpose.STATUS)
    answers = [faces.send(f"{path}/mail", path) for _ in range(5)]
    assert {(answer.status_code, answer.location) for answer in answers} == {(303, path)}
    with faces.store.read() as session:
        notices = session.scalars(sa.select(Notice)).all()
    assert [(one.topic, one.recipient, one.shipment_id) for one in notices] == [
        (Topic.CUSTOMER_LINK, "customer", shipment.id)
    ] * 3
    faces.at += HOUR
    faces.send(f"{path}/mail", path)
    with faces.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Notice)) == 4


def test_a_channel_whose_customers_get_no_links_offers_none(faces):
    with faces.store.begin() as session:
        path = page(session, parcel(session, channel={"contact_rule": "marketplace"}), Purpose.STATUS)
    assert "Mail me my link" not in faces.text(path)


# --- nothing changes by looking ---------------------------------------------------------------------------------------


def everything(faces):
    """Every row of every table, tries aside."""
    tables = [table for table in Base.metadata.sorted_tables if table.name != Attempt.__tablename__]
    with faces.store.read() as session:
        return {table.name: sorted(map(repr, session.execute(sa.select(table)))) for table in tables}


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(faces, method):
    with faces.store.begin() as session:
        shipment, _ = trouble(session, asked_at=NOON)
        path = page(session, shipment)
    before = everything(faces)
    looks = ("", "/call", "/choice", "/well", "/call?called=no")
    answers = [getattr(faces.client, method)(f"{path}{rest}") for rest in looks]
    assert {answer.status_code for answer in answers} == {200}
    assert everything(faces) == before


@pytest.mark.parametrize("path", ["/track", "/p/nobody/mail"])
def test_what_changes_something_is_never_a_get(faces, path):
    assert faces.get(path).status_code == 405


# --- cost -------------------------------------------------------------------------------------------------------------


class counted:  # noqa: N801 - reads as a word in a with statement
    """The statements that an engine runs meanwhile."""

    def __init__(self, engine):
        self.engine, self.statements = engine, []

    def __enter__(self):
        sa.event.listen(self.engine, "before_cursor_execute", self._count)
        return self.statements

    def __exit__(self, *_):
        sa.event.remove(self.engine, "before_cursor_execute", self._count)

    def _count(self, _connection, _cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            self.statements.append(statement)


@pytest.mark.parametrize("purpose", [Purpose.STATUS, Purpose.CUSTOMER])
def test_the_page_costs_three_statements_at_most_however_much_has_happened(faces, purpose):
    with faces.store.begin() as session:
        shipment, incident = trouble(session)
        for place in range(40):
            make.event(session, shipment, NOON - place * HOUR)
        make.promise(session, incident, CALL_DUE, action=Action.ANSWER, beneficiary=Party.MERCHANT)
        path = page(session, shipment, purpose)
    with counted(faces.store._readers) as read, counted(faces.store.engine) as written:
        assert faces.get(path).status_code == 200
    assert len(read) <= 3
    assert written == []


def test_the_page_is_found_by_index(sqlite_url):
    faces = Faces(sqlite_url)
    with faces.store.begin() as session:
        shipment, _ = trouble(session)
        path = page(session, shipment)
    seen = []
    listener = lambda _c, _cu, statement, parameters, *_: seen.append((statement, parameters))  # noqa: E731
    sa.event.listen(faces.store._readers, "before_cursor_execute", listener)
    faces.get(path)
    sa.event.remove(faces.store._readers, "before_cursor_execute", listener)
    with faces.store._readers.connect() as connection:
        plans = [
            row[3]
            for statement, parameters in seen
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    faces.close()
    assert len(plans) > 5
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


# --- what the page says -----------------------------------------------------------------------------------------------


def test_every_stage_exception_and_kind_has_plain_words():
    assert set(sayings.STAGES) == set(sayings.SCANS) == set(Stage)
    assert set(sayings.TROUBLES) == set(ExceptionCode) - {ExceptionCode.NONE}
    assert set(sayings.KINDS) == set(Kind)
    assert set(sayings.DUTIES) == set(sayings.KEPT) == set(sayings.BROKEN) == set(Action)


def test_no_code_of_ours_is_ever_shown(sqlite_url):
    faces = Faces(sqlite_url)
    paths = {}
    with faces.store.begin() as session:
        for axis, code in [*(("stage", code) for code in Stage), *(("exception", code) for code in ExceptionCode)]:
            shipment = parcel(session, **{axis: code})
            make.event(session, shipment, NOON, text="TEXTO", **{axis: code})
            paths[f"{axis} {code}"] = page(session, shipment)
    told = {name: faces.text(path) for name, path in paths.items()}
    faces.close()
    assert [name for name, text in told.items() if "What has happened" not in text] == []
    assert [name for name, text in told.items() if "_" in text or "unknown" in text.lower()] == []


SENTENCES = {
    "damage or loss": ({}, {}, "Your parcel has been damaged or lost."),
    "damage or loss, cause known": ({}, {"cause": "broken"}, "Your parcel was broken on the way."),
    "lost": ({"kind": Kind.LOST}, {}, "Your parcel has been lost."),
    "found": ({"kind": Kind.FOUND}, {}, "Your parcel has been found."),
    "missed at a depot": ({"kind": Kind.LOST, "suspected": True}, {}, "The carrier cannot find your parcel"),
    "silence": ({"kind": Kind.STALLED}, {}, "Your parcel has not moved for some days."),
    "refunded": (
        {"call_due": None, "refund_due": None},
        {"state": State.RESOLVED, "outcome": Outcome.REFUNDED, "resolved_at": NOON},
        "You have been refunded.",
    ),
    "moving again": (
        {"kind": Kind.STALLED, "call_due": None, "refund_due": None},
        {"state": State.RESOLVED, "outcome": Outcome.MOVING, "resolved_at": NOON},
        "Your parcel is on its way.",
    ),
}


@pytest.mark.parametrize(("about", "values", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_the_large_sentence_says_what_is_so(faces, about, values, sentence):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, **about)
        for name, value in values.items():
            setattr(incident, name, value)
        path = page(session, shipment)
    assert f'<h1 class="sentence">{sentence}' in faces.get(path).text


def test_an_exception_without_incident_is_told_with_the_place_of_the_parcel(faces):
    with faces.store.begin() as session:
        values = {"stage": Stage.AT_DELIVERY_DEPOT, "exception": ExceptionCode.ATTEMPT_FAILED_ABSENT}
        path = page(session, parcel(session, **values))
    text = faces.text(path)
    assert "The driver came, but found nobody." in text
    assert "Your parcel is at the depot near you." in text


def test_next_says_who_owes_what_by_when_and_what_follows_if_not(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session)
        make.promise(session, incident, CALL_DUE + 5 * HOUR, action=Action.ANSWER, beneficiary=Party.MERCHANT)
        path = page(session, shipment)
    said = faces.text(path).partition("Next")[2].partition("Your choice")[0]
    assert " ".join(said.split()) == (
        "Who SEUR Badajoz What Call you By when Thu 19 Nov, 14:00 "
        "Who SEUR Badajoz What Say whether your parcel is damaged or lost By when Thu 19 Nov, 19:00 "
        "And if not? We remind the depot and its manager, then the claims desk, "
        "and ask for your refund by Mon 23 Nov, 18:00. "
        "Who We What Ask for your refund By when Mon 23 Nov, 18:00 "
        "And if not? It then stands first on the list of the person in charge here."
    )


GUARDED = {
    "a person sends, in the middle of a day": (Mode.PROPOSE, datetime(2026, 11, 18, 11, 37, tzinfo=UTC), "18:00"),
    "a person sends, at the close itself": (Mode.PROPOSE, REFUND_DUE, "Mon 23 Nov, 18:00"),
    "a person sends, due at night": (Mode.PROPOSE, datetime(2026, 11, 18, 22, tzinfo=UTC), "Thu 19 Nov, 18:00"),
    "a person sends, due on a Sunday": (Mode.PROPOSE, datetime(2026, 11, 22, 11, tzinfo=UTC), "Mon 23 Nov, 18:00"),
    "the clock sends": (Mode.AUTO, datetime(2026, 11, 18, 11, 37, tzinfo=UTC), "Wed 18 Nov, 12:37"),
}


@pytest.mark.parametrize(("mode", "due", "shown"), GUARDED.values(), ids=GUARDED)
def test_no_minute_is_named_for_a_refund_that_nobody_guards(store_url, mode, due, shown):
    faces = Faces(store_url, refunds_mode=mode)
    with faces.store.begin() as session:
        shipment, _ = trouble(session, call_due=None, refund_due=due)
        path = page(session, shipment)
    said = faces.text(path).partition("Ask for your refund")[2].partition("And if not?")[0]
    faces.close()
    assert shown in said


def test_a_duty_that_is_late_is_called_late(faces):
    with faces.store.begin() as session:
        shipment, _ = trouble(session, call_due=NOON - HOUR / 2)
        path = page(session, shipment)
    assert "Was due by Wed 18 Nov, 11:30" in faces.text(path)


def test_an_open_case_always_says_who_acts_next(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=None, refund_due=None, kind=Kind.DAMAGED_DELIVERED)
        incident.next_due_at = NOON + 30 * HOUR
        path = page(session, shipment)
    assert "Who One of us What Decide how it goes on and write to you By when Thu 19 Nov, 18:00" in faces.text(path)


REFUNDS = {
    "asked for, not approved": (Refund.REQUESTED, "Who We What Pay your refund of €180.00"),
    "on its way": (Refund.PENDING, "Who The payment service What Pay your refund of €180.00 By when Wed 25 Nov"),
    "outcome unknown": (Refund.UNKNOWN, "Who The payment service What Pay your refund of €180.00 By when Wed 25 Nov"),
}


@pytest.mark.parametrize(("state", "said"), REFUNDS.values(), ids=REFUNDS)
def test_a_refund_is_paid_only_when_the_provider_says_so(faces, state, said):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=None, refund_due=None)
        remedy(session, shipment, incident, state)
        path, status = page(session, shipment), page(session, shipment, Purpose.STATUS)
    text = faces.text(path)
    assert said in text
    assert "Your refund was paid" not in text
    assert "180" not in faces.text(status)


def remedy(session, shipment, incident, state):
    session.add(
        Remedy(
            order_id=shipment.order_id,
            incident_id=incident.id,
            seq=1,
            amount_minor=18000,
            currency="EUR",
            key=f"{incident.ref}-refund-1",
            provider="webhook",
            requested_at=NOON,
            requested_by="job",
            state=state,
        )
    )
    session.flush()


def test_a_delivery_date_is_taken_back_while_something_is_wrong(faces):
    with faces.store.begin() as session:
        eta = {"marketplace_eta": NOON + 9 * make.DAY}
        calm, (bad, _) = parcel(session, **eta), trouble(session, **eta)
        calm_path, bad_path = page(session, calm, Purpose.STATUS), page(session, bad, Purpose.STATUS)
    assert "What Deliver your parcel By when Fri 27 Nov" in faces.text(calm_path)
    assert "The delivery date that you were told, Fri 27 Nov, no longer holds." in faces.text(bad_path)


def test_times_are_those_of_the_destination(faces):
    with faces.store.begin() as session:
        paths = [page(session, parcel(session, postcode=code, stage=Stage.DELIVERED)) for code in ("28001", "35001")]
    assert "Sat 14 Nov, 12:00" in faces.text(paths[0])
    assert "Sat 14 Nov, 11:00" in faces.text(paths[1])


def test_the_story_is_told_newest_first_in_our_words_with_the_carriers_below(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=NOON)
        called = session.scalars(sa.select(Promise).where(Promise.action == Action.CALL)).one()
        called.state, called.closed_at = Promised.BROKEN, NOON + HOUR
        make.event(
            session, shipment, NOON + 2 * HOUR, source=Source.DEPOT, exception=ExceptionCode.DAMAGED, text="broken"
        )
        path = page(session, shipment)
    faces.at = NOON + 3 * HOUR
    said = faces.text(path).partition("What has happened")[2]
    lines = [
        "Wed 18 Nov, 14:00",
        "The depot says: broken in transport",
        "Wed 18 Nov, 13:00",
        "The promised call did not come.",
        "We have opened a case and asked the carrier",
        "Wed 18 Nov, 11:00 · Badajoz",
        "The carrier reports damage or loss",
        "In the carrier's words: SINIESTRO",
        "On the way",
        "Handed to the carrier",
    ]
    places = [said.index(line) for line in lines]
    assert places == sorted(places)
    assert incident.ref not in said


def test_the_same_news_of_several_pieces_is_told_once(faces):
    with faces.store.begin() as session:
        shipment = parcel(session)
        for piece in ("1", "2", "3"):
            make.event(session, shipment, NOON, piece=piece, text="EN REPARTO", stage=Stage.OUT_FOR_DELIVERY)
        path = page(session, shipment)
    assert faces.text(path).count("EN REPARTO") == 1


LANGUAGES = {
    "the customer's own": ("es", "en", "Su paquete está en camino."),
    "the customer's own, English": ("en", "es", "Your parcel is on its way."),
    "one that we do not speak, the browser's": ("fr", "en-GB", "Your parcel is on its way."),
    "none that we speak, the merchant's": ("fr", "de", "Su paquete está en camino."),
}


@pytest.mark.parametrize(("locale", "accepted", "said"), LANGUAGES.values(), ids=LANGUAGES)
def test_the_page_speaks_the_readers_language(faces, locale, accepted, said):
    with faces.store.begin() as session:
        path = page(session, parcel(session, locale=locale))
    assert said in faces.text(path, headers={"Accept-Language": accepted})


# --- did they call? ---------------------------------------------------------------------------------------------------

ANSWERS = {
    "no, at the due time": (NOON, "no", Promised.BROKEN),
    "yes, at the due time": (NOON, "yes", Promised.KEPT),
    "yes, before it": (CALL_DUE, "yes", Promised.KEPT),
}


@pytest.mark.parametrize(("due", "said", "state"), ANSWERS.values(), ids=ANSWERS)
def test_did_they_call_is_answered_with_one_tap(faces, due, said, state):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=due)
        path = page(session, shipment)
    question = faces.get(f"{path}/call").text
    assert f'name="called" value="{said}"' in question
    answer = faces.send(f"{path}/call", called=said)
    assert (answer.status_code, answer.location) == (303, path)
    with faces.store.read() as session:
        promise = session.scalars(sa.select(Promise).where(Promise.action == Action.CALL)).one()
    assert promise.state is state
    assert "Thank you. We have noted your answer" in faces.text(path)
    assert faces.send(f"{path}/call", path, called=said).status_code == 303
    with faces.store.read() as session:
        told = session.scalars(sa.select(Timeline.kind).where(Timeline.incident_id == incident.id)).all()
    assert told.count(f"promise_{state}") == 1


def test_nobody_is_asked_for_a_no_before_the_call_is_due(faces):
    with faces.store.begin() as session:
        shipment, _ = trouble(session)
        path = page(session, shipment)
    assert 'value="no"' not in faces.get(f"{path}/call").text


def test_a_customer_may_say_no_after_the_depot_said_that_it_called(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=NOON)
        promise = session.scalars(sa.select(Promise).where(Promise.action == Action.CALL)).one()
        promise.state, promise.closed_at = Promised.KEPT, NOON
        path = page(session, shipment)
    assert "We were told that you were called." in faces.text(path)
    faces.send(f"{path}/call", path, called="no")
    with faces.store.read() as session:
        assert session.get(Promise, promise.id).state is Promised.DISPUTED
        assert [task.incident_id for task in session.scalars(sa.select(Task))] == [incident.id]


def test_a_promised_delivery_is_asked_about_as_a_delivery(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, call_due=None, refund_due=None, kind=Kind.FOUND)
        make.promise(session, incident, NOON - HOUR / 2, action=Action.DELIVER)
        path = page(session, shipment)
    assert "Was your parcel delivered?" in faces.text(path)


# --- wait or refund ---------------------------------------------------------------------------------------------------


def test_a_customer_who_waits_gets_the_evening_of_that_day_where_the_parcel_goes(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session, postcode="35001")
        path = page(session, shipment)
    assert faces.send(f"{path}/choice", desired="wait", until="2026-12-01").status_code == 303
    with faces.store.read() as session:
        told = session.get(Incident, incident.id)
    assert (told.desired, told.remedy_at) == (Desired.WAIT, datetime(2026, 12, 1, 18, tzinfo=UTC))
    assert "You have chosen to wait." in faces.text(path)


def test_a_customer_who_wants_the_money_gets_it_announced_for_today(faces):
    with faces.store.begin() as session:
        shipment, incident = trouble(session)
        path = page(session, shipment)
    assert faces.send(f"{path}/choice", desired="refund").status_code == 303
    with faces.store.read() as session:
        told = session.get(Incident, incident.id)
    assert (told.desired, told.remedy_at) == (Desired.REFUND, NOON + timedelta(minutes=30))
    assert "What Ask for your refund By when Wed 18 Nov, 18:00" in faces.text(path)


def test_no_choice_is_offered_where_no_refund_is_announced(faces):
    with faces.store.begin() as session:
        shipment, _ = trouble(session, refund_due=None, kind=Kind.STALLED)
        path = page(session, shipment)
    assert "wait or refund" not in faces.text(path)
    assert "There is nothing left to answer here." in faces.text(f"{path}/choice")


BAD = {
    "no answer": ("call", {}, "say yes or no"),
    "an odd answer": ("call", {"called": "perhaps"}, "say yes or no"),
    "no choice": ("choice", {}, "choose to wait, or to have the money back"),
    "an odd choice": ("choice", {"desired": "replace"}, "choose to wait, or to have the money back"),
    "waiting without a day": ("choice", {"desired": "wait"}, "choose a day within the next thirty days"),
    "waiting until no day": ("choice", {"desired": "wait", "until": "2026-02-31"}, "choose a day within"),
    "waiting until yesterday": ("choice", {"desired": "wait", "until": "2026-11-17"}, "choose a day within"),
    "waiting for ever": ("choice", {"desired": "wait", "until": "2027-11-17"}, "choose a day within"),
    "all well before the end": ("well", {"well": "yes"}, "this incident is not over yet"),
}


@pytest.mark.parametrize(("about", "form", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_said_in_one_sentence_and_changes_nothing(faces, about, form, sentence):
    with faces.store.begin() as session:
        shipment, _ = trouble(session, asked_at=NOON)
        path = page(session, shipment)
    before = everything(faces)
    answer = faces.send(f"{path}/{about}", path, **form)
    assert answer.status_code == 422
    assert f"That did not work: {sentence}" in plain(answer)
    assert everything(faces) == before


# --- all well? --------------------------------------------------------------------------------------------------------


def ended(session, **values):
    shipment, incident = trouble(session, call_due=None, refund_due=None, **values)
    incident.state, incident.outcome, incident.resolved_at = State.RESOLVED, Outcome.REFUNDED, NOON
    session.flush()
    return shipment, incident


@pytest.mark.parametrize(
    ("form", "body", "tasks"),
    [
        ({"well": "yes", "rating": "5"}, {"well": True, "rating": 5}, 0),
        ({"well": "yes"}, {"well": True, "rating": 0}, 0),
        ({"well": "no", "rating": "1"}, {"well": False, "rating": 1}, 1),
    ],
    ids=["yes, rated", "yes, not rated", "no"],
)
def test_after_the_end_the_customer_says_whether_all_is_well_once(faces, form, body, tasks):
    with faces.store.begin() as session:
        shipment, incident = ended(session)
        path = page(session, shipment)
    assert "Is all well now?" in faces.text(path)
    assert faces.send(f"{path}/well", **form).status_code == 303
    with faces.store.read() as session:
        told = session.scalars(sa.select(Timeline).where(Timeline.kind == "followup_answered")).one()
        assert (told.incident_id, told.body) == (incident.id, body)
        assert session.scalar(sa.select(sa.func.count()).select_from(Task)) == tasks
    assert "Is all well now?" not in faces.text(path)


def test_a_rating_out_of_range_is_refused(faces):
    with faces.store.begin() as session:
        shipment, _ = ended(session)
        path = page(session, shipment)
    answer = faces.send(f"{path}/well", well="yes", rating="6")
    assert answer.status_code == 422
    assert "rate from 1 to 5" in plain(answer)


def test_after_a_refund_nobody_is_told_to_wait_for_the_parcel(faces):
    with faces.store.begin() as session:
        shipment, _ = ended(session, marketplace_eta=NOON + 9 * make.DAY)
        path = page(session, shipment, Purpose.STATUS)
    text = faces.text(path)
    assert "Next" not in text
    assert "Is all well now?" not in text


def test_the_shipment_is_what_the_link_says_and_nothing_else(faces):
    with faces.store.begin() as session:
        mine, other = parcel(session), parcel(session)
        path = page(session, mine)
    assert other.number not in faces.get(path).text
    with faces.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Shipment)) == 2
