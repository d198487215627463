"""The depot's link: what it shows, what each answer does, and that a second click is no second answer."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.web.faces import Faces, plain
from tracker.domain.incidents import Cause, Kind, Outcome
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as Promised
from tracker.store import closing
from tracker.store.audit import Audit
from tracker.store.base import Base
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, Timeline
from tracker.store.links import Purpose
from tracker.store.promises import Promise

NOON = make.NOON
HOUR = timedelta(hours=1)
ANSWER_DUE = datetime(2026, 11, 19, 18, tzinfo=UTC)
CALL_DUE = datetime(2026, 11, 19, 13, tzinfo=UTC)


@pytest.fixture
def faces(store_url):
    served = Faces(store_url)
    yield served
    served.close()


def asked(session, *, call=False, kind=Kind.DAMAGED_OR_LOST, answer_due=ANSWER_DUE, days=3, **depot):
    """The address of a link by which a depot is asked about a parcel in trouble, and the incident."""
    office = make.depot(session, **{"language": "en", **depot})
    shipment = make.shipment(session, depot_id=office.id)
    incident = make.incident(session, shipment, kind=kind, now=NOON - HOUR)
    if answer_due:
        make.promise(session, incident, answer_due, action=Action.ANSWER, beneficiary=Party.MERCHANT)
    if call:
        make.promise(session, incident, CALL_DUE)
    of = {"shipment_id": shipment.id, "incident_id": incident.id, "depot_id": office.id}
    return f"/d/{make.token(session, Purpose.DEPOT, days=days, **of)}", incident


def everything(faces):
    """Every row of every table."""
    with faces.store.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(sa.select(table)))) for table in Base.metadata.sorted_tables
        }


def promise_of(faces, action):
    with faces.store.read() as session:
        return session.scalars(sa.select(Promise).where(Promise.action == action)).one()


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_the_depot_sees_the_parcel_the_trouble_the_question_and_its_time(faces):
    with faces.store.begin() as session:
        path, incident = asked(session)
        number = incident.shipment.number
    text = faces.text(path)
    for said in (
        number,
        "Reported as Damage or loss, which of the two is open",
        "Since Wed 18 Nov, 11:00",
        "Going to ES 060…",
        "Which of the two is it: damaged or lost? By Thu 19 Nov, 19:00",
    ):
        assert said in text


def test_the_depot_sees_no_more_of_the_customer_than_it_needs(faces):
    with faces.store.begin() as session:
        without, _ = asked(session)
        with_call, _ = asked(session, call=True)
    for path in (without, with_call):
        for secret in ("Marta", "marta@example.com", "06001", "180"):
            assert secret not in faces.get(path).text
    assert "600 100 200" not in faces.get(without).text
    assert "I called at" not in faces.get(without).text
    assert 'href="tel:+34600100200"' in faces.get(with_call).text


def test_times_are_those_of_the_depot(faces):
    with faces.store.begin() as session:
        path, _ = asked(session, call=True, timezone="Atlantic/Canary", region="CN")
    page = faces.get(path).text
    assert "By Thu 19 Nov, 18:00" in page
    assert 'value="2026-11-18T11:00"' in page


def test_the_search_is_offered_until_the_end_of_the_depots_next_working_day(faces):
    with faces.store.begin() as session:
        path, _ = asked(session, hours="Mo-Fr 08:00-15:00")
    assert 'value="2026-11-19T15:00"' in faces.get(path).text


LANGUAGES = {"Spanish": ("es", "Encontrado"), "English": ("en", "Found")}


@pytest.mark.parametrize(("language", "said"), LANGUAGES.values(), ids=LANGUAGES)
def test_the_page_speaks_the_depots_language(faces, language, said):
    with faces.store.begin() as session:
        path, _ = asked(session, language=language)
    assert said in faces.text(path, headers={"Accept-Language": "de"})


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(faces, method):
    with faces.store.begin() as session:
        path, _ = asked(session, call=True)
    before = everything(faces)
    for rest in ("", "?answer=lost", "?answer=called&at=2026-11-18T11:00"):
        assert getattr(faces.client, method)(f"{path}{rest}").status_code == 200
    assert everything(faces) == before


# --- what an answer does ----------------------------------------------------------------------------------------------


def test_broken_in_transport_makes_the_cause_known(faces):
    with faces.store.begin() as session:
        path, incident = asked(session)
    answer = faces.send(path, answer="broken")
    assert (answer.status_code, answer.location.partition("#")[0]) == (303, path)
    with faces.store.read() as session:
        told = session.get(Incident, incident.id)
        assert (told.kind, told.cause) == (Kind.DAMAGED, Cause.BROKEN)
        assert told.remedy_at == NOON + timedelta(minutes=30)
    assert promise_of(faces, Action.ANSWER).state is Promised.KEPT
    assert "Your answer counts: broken in transport" in faces.text(path)


def test_lost_makes_the_cause_known(faces):
    with faces.store.begin() as session:
        path, incident = asked(session)
    faces.send(path, answer="lost")
    with faces.store.read() as session:
        assert session.get(Incident, incident.id).cause is Cause.LOST


def test_found_makes_a_new_promise_to_deliver(faces):
    with faces.store.begin() as session:
        path, incident = asked(session)
    faces.send(path, answer="found")
    with faces.store.read() as session:
        assert session.get(Incident, incident.id).kind is Kind.FOUND
    assert promise_of(faces, Action.DELIVER).state is Promised.MADE
    assert "Please deliver this parcel." in faces.text(path)


def test_still_searching_gives_the_answer_a_new_time(faces):
    with faces.store.begin() as session:
        path, _ = asked(session)
    faces.send(path, answer="searching", at="2026-11-20T14:00")
    promise = promise_of(faces, Action.ANSWER)
    assert (promise.state, promise.due_at, promise.version) == (
        Promised.MADE,
        datetime(2026, 11, 20, 13, tzinfo=UTC),
        2,
    )
    assert "Your answer counts: still searching until Fri 20 Nov, 14:00" in faces.text(path)


def test_called_keeps_the_promise_to_call(faces):
    with faces.store.begin() as session:
        path, _ = asked(session, call=True)
    faces.send(path, answer="called", at="2026-11-18T11:50")
    assert promise_of(faces, Action.CALL).state is Promised.KEPT
    text = faces.text(path)
    assert "Your answer counts: called at Wed 18 Nov, 11:50" in text
    assert "600 100 200" not in text


def test_a_call_after_the_broken_promise_is_kept_late(faces):
    with faces.store.begin() as session:
        path, _ = asked(session, call=True)
        promise = session.scalars(sa.select(Promise).where(Promise.action == Action.CALL)).one()
        promise.state, promise.closed_at, promise.due_at = Promised.BROKEN, NOON, NOON - HOUR
    assert "Was due by Wed 18 Nov, 11:00" in faces.text(path)
    faces.send(path, answer="called", at="2026-11-18T11:50")
    assert promise_of(faces, Action.CALL).state is Promised.KEPT_LATE


@pytest.mark.parametrize("said", ["found", "broken", "lost"])
def test_a_second_click_shows_the_first_answer_and_changes_nothing(faces, said):
    with faces.store.begin() as session:
        path, _ = asked(session)
    faces.send(path, answer=said)
    before, shown = everything(faces), faces.text(path)
    faces.at += timedelta(minutes=3)
    again = faces.send(path, answer=said)
    assert again.status_code == 303
    assert everything(faces) == before
    received = "Received Wed 18 Nov, 12:00"
    assert received in shown
    assert received in faces.text(path)


def test_an_answer_says_who_gave_it_and_proves_the_address(faces):
    with faces.store.begin() as session:
        path, _ = asked(session)
    faces.send(path, answer="broken")
    with faces.store.read() as session:
        depot = session.scalars(sa.select(Depot)).one()
        assert depot.confirmed_at == NOON
        by = {(one.actor_kind, one.actor_id, one.via) for one in session.scalars(sa.select(Audit)) if one.via == "link"}
        assert by == {("depot", str(depot.id), "link")}
        told = session.scalars(sa.select(Timeline.said_by).where(Timeline.kind == "depot_answered")).one()
    assert told == "depot"


BAD = {
    "no answer": ({}, "choose one of the answers"),
    "an odd answer": ({"answer": "eaten"}, "choose one of the answers"),
    "a search without an end": ({"answer": "searching"}, "say at what time"),
    "a search until no time": ({"answer": "searching", "at": "tomorrow"}, "say at what time"),
    "a search into the past": ({"answer": "searching", "at": "2026-11-18T09:00"}, "within the next fourteen days"),
    "a search for ever": ({"answer": "searching", "at": "2027-11-18T09:00"}, "within the next fourteen days"),
    "a call in the future": ({"answer": "called", "at": "2026-11-18T13:00"}, "before it has been made"),
    "a call without a time": ({"answer": "called"}, "say at what time"),
}


@pytest.mark.parametrize(("form", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_said_in_one_sentence_and_changes_nothing(faces, form, sentence):
    with faces.store.begin() as session:
        path, _ = asked(session, call=True)
    before = everything(faces)
    answer = faces.send(path, **form)
    assert answer.status_code == 422
    assert sentence in plain(answer)
    assert "Found" in plain(answer)
    assert everything(faces) == before


def test_a_call_that_nobody_owes_cannot_be_reported(faces):
    with faces.store.begin() as session:
        path, _ = asked(session)
    answer = faces.send(path, answer="called", at="2026-11-18T11:50")
    assert answer.status_code == 422
    assert "no callback was promised for this parcel" in plain(answer)


# --- when it has ended ------------------------------------------------------------------------------------------------


def test_after_resolution_the_link_says_thank_you_and_takes_no_answer(faces):
    with faces.store.begin() as session:
        path, incident = asked(session)
        closing.resolve(session, incident, NOON, make.JOB, Outcome.REFUNDED)
    before = everything(faces)
    shown, answer = faces.get(path), faces.send(path, "/", answer="found")
    assert (shown.status_code, answer.status_code) == (410, 410)
    assert "Thank you, this case is settled." in plain(shown)
    assert "Thank you, this case is settled." in plain(answer)
    assert everything(faces) == before


def test_an_expired_link_says_so_and_how_to_go_on(faces):
    with faces.store.begin() as session:
        path, _ = asked(session, days=1)
    faces.at = NOON + make.DAY
    before = everything(faces)
    shown, answer = faces.get(path), faces.send(path, "/", answer="found")
    assert (shown.status_code, answer.status_code) == (410, 410)
    assert "Our newest mail about this parcel has a link that works." in plain(shown)
    assert everything(faces) == before


def test_a_customers_link_is_no_depots_link(faces):
    with faces.store.begin() as session:
        _, incident = asked(session)
        token = make.token(session, Purpose.CUSTOMER, shipment_id=incident.shipment_id)
    assert faces.get(f"/d/{token}").status_code == 404
    assert faces.send(f"/d/{token}", "/", answer="found").status_code == 404


def test_a_link_is_for_one_incident_only(faces):
    with faces.store.begin() as session:
        path, mine = asked(session)
        _, other = asked(session)
    faces.send(path, answer="lost")
    with faces.store.read() as session:
        assert session.get(Incident, mine.id).cause is Cause.LOST
        assert session.get(Incident, other.id).cause is None
