"""The REST API: keys, strict input, one problem document for every error, one act per request, pages by cursor."""

import json
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from config import Config
from tests import make
from tracker.app import create_app
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.promises import Action, Party
from tracker.steps.refunds import propose
from tracker.store import keys
from tracker.store.audit import Audit
from tracker.store.incidents import Contact, Incident, State, by_ref
from tracker.store.people import ApiKey, Replay
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment

NOON = make.NOON
MINIMAL = {
    "carrier": "seur",
    "number": "0070",
    "postcode": "06001",
    "country": "ES",
    "order": {"number": "A-1", "channel": "amazon", "amount": "180.00", "currency": "EUR"},
    "customer": {"name": "Marta", "email": "marta@example.com", "phone": "+34 611", "locale": "es"},
}
EVENT_KEYS = {
    "number", "occurred_at", "tz_known", "raw_code", "raw_text", "stage", "exception", "direction", "handover_to",
    "location", "depot", "source", "mapped",
}  # fmt: skip
LINE_KEYS = {
    "ref", "number", "carrier", "kind", "state", "level", "opened_at", "next_due_at", "promise_state", "refund_state",
}  # fmt: skip


class Api:
    """A client with a key, over an application whose clock stands still."""

    def __init__(self, url):
        self.now = NOON
        self.store = make.store(url, lambda: self.now)
        self.tools = make.tools(self.store)
        self.app = create_app(Config(env="test"), clock=lambda: self.now, tools=self.tools)
        with self.store.begin() as session:
            self.key = keys.add(session, "shop", NOON)
        self.client = self.app.test_client()

    def send(self, method, path, *, key=None, headers=None, **kwargs):
        told = {"Authorization": f"Bearer {key or self.key}", **(headers or {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=told, **kwargs)

    def get(self, path, **kwargs):
        return self.send("GET", path, **kwargs)

    def post(self, path, body=None, *, once=None, **kwargs):
        headers = {"Idempotency-Key": once} if once else {}
        return self.send("POST", path, json=body, headers=headers, **kwargs)

    def case(self, **values):
        """An open incident with a promise of a call tomorrow; its reference and the promise's id."""
        with self.store.begin() as session:
            incident = make.incident(session, make.shipment(session), **values)
            promise = make.promise(session, incident, NOON + make.DAY)
            return incident.ref, promise.id

    def rows(self, model):
        with self.store.read() as session:
            return session.scalars(sa.select(model).order_by(model.id)).all()


@pytest.fixture
def api(store_url):
    made = Api(store_url)
    yield made
    made.store.close()


@pytest.fixture
def lite(sqlite_url):
    """For what does not depend on the database."""
    made = Api(sqlite_url)
    yield made
    made.store.close()


def refused(answer, status, *words):
    """The problem document of an answer, checked; its sentence."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    told = answer.json
    assert (told["status"], told["type"]) == (status, "about:blank")
    assert told["detail"].endswith(".") or status == 500
    for word in words:
        assert word in told["detail"]
    return told


# --- who may come in --------------------------------------------------------------------------------------------------

STRANGERS = {
    "no header": None,
    "an empty one": "",
    "another scheme": "Basic c2hvcDpzaG9w",
    "no key": "Bearer ",
    "a wrong key": "Bearer nobody",
    "half a character": "Bearer \xff",
}


@pytest.mark.parametrize("header", STRANGERS.values(), ids=STRANGERS)
def test_without_a_good_key_every_answer_is_the_same_401(lite, header):
    headers = {} if header is None else {"Authorization": header}
    answers = [
        lite.client.open(f"/api/v1{path}", method=method, headers=headers)
        for method, path in (("GET", "/shipments"), ("GET", "/incidents/I000001"), ("POST", "/promises/1/kept"))
    ]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="tracker"'
    refused(answers[0], 401, "API key")


def test_a_revoked_key_stops_at_the_next_request(lite):
    assert lite.get("/carriers").status_code == 200
    with lite.store.begin() as session:
        session.execute(sa.update(ApiKey).values(revoked_at=NOON))
    refused(lite.get("/carriers"), 401)


def test_only_the_hash_of_a_key_is_stored(lite):
    (row,) = lite.rows(ApiKey)
    assert lite.key not in repr(vars(row))
    assert len(lite.key) >= 43


# --- shipments --------------------------------------------------------------------------------------------------------


def test_a_shipment_is_created_and_shown(api):
    created = api.post("/shipments", MINIMAL)
    assert created.status_code == 201
    shown = api.get(f"/shipments/{created.json['id']}")
    assert shown.json == created.json
    assert shown.json["order"] == {"number": "A-1", "channel": "amazon", "amount": "180.00", "currency": "EUR"}
    assert (shown.json["stage"], shown.json["exception"], shown.json["incident"]) == ("unknown", "none", None)
    assert shown.json["created_at"] == "2026-11-18T12:00:00+01:00"
    (row,) = api.rows(Shipment)
    assert row.wake_at == NOON
    (note,) = api.rows(Audit)
    assert (note.actor_kind, note.actor_id, note.via) == ("api", "shop", "api")


def test_personal_values_are_never_given_out(lite):
    text = lite.post("/shipments", MINIMAL).text + lite.get("/shipments").text
    assert [word for word in ("Marta", "marta@", "611") if word in text] == []


def test_the_same_shipment_again_answers_200_and_the_one_that_is_known(api):
    first, second = api.post("/shipments", MINIMAL), api.post("/shipments", MINIMAL)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json


def test_the_least_that_makes_a_shipment(lite):
    created = lite.post("/shipments", {"carrier": "seur", "number": " 07 "})
    assert (created.status_code, created.json["number"], created.json["order"]["amount"]) == (201, "07", None)


BAD_SHIPMENTS = {
    "a carrier that nobody knows": ({"carrier": "acme"}, "carrier"),
    "a field of ours": ({"stage": "delivered"}, "stage"),
    "a field that makes an admin": ({"is_admin": True}, "is_admin"),
    "money as a number": ({"order": {"number": "A", "amount": 180.0}}, "order.amount"),
    "money as a power": ({"order": {"number": "A", "amount": "1e9"}}, "amount"),
    "no money": ({"order": {"number": "A", "amount": "0"}}, "amount"),
    "a number as a number": ({"number": 70}, "number"),
    "a time without a zone": ({"promised_at": "2026-11-20T18:00:00"}, "promised_at"),
    "a thirtieth of February": ({"promised_at": "2026-02-30T18:00:00Z"}, "promised_at"),
    "an address that is none": ({"customer": {"email": "marta"}}, "customer_email"),
    "a list for an object": ({"customer": []}, "customer"),
    "not a weight": ({"weight_kg": float("1e300")}, "weight_kg"),
}


@pytest.mark.parametrize(("given", "field"), BAD_SHIPMENTS.values(), ids=BAD_SHIPMENTS)
def test_a_shipment_that_cannot_be_taken_is_a_422_that_names_the_field(lite, given, field):
    told = refused(lite.post("/shipments", {"carrier": "seur", "number": "1", **given}), 422, field)
    assert [error["field"] for error in told["errors"]] == [field]
    assert lite.rows(Shipment) == []


BODIES = {
    "no body": (b"", "application/json", 400),
    "truncated": (b'{"carrier": "seur"', "application/json", 400),
    "the same key twice": (b'{"number":"1","number":"2","carrier":"seur"}', "application/json", 400),
    "not a number": (b'{"weight_kg": NaN}', "application/json", 400),
    "an endless number": (b'{"weight_kg": ' + b"9" * 5000 + b"}", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "a text": (b'"x"', "application/json", 400),
    "null": (b"null", "application/json", 400),
    "too deep": (b'{"a":' * 1100 + b"1" + b"}" * 1100, "application/json", 400),
    "half a character": (b'{"carrier":"seur","number":"\\ud800"}', "application/json", 400),
    "UTF-16": ('{"number": "1"}'.encode("utf-16"), "application/json", 400),
    "another type": (b'{"carrier":"seur","number":"1"}', "text/plain", 415),
    "a form": (b"carrier=seur&number=1", "application/x-www-form-urlencoded", 415),
    "more than a megabyte": (b'{"number": "' + b"1" * 1024 * 1024 + b'"}', "application/json", 413),
}


@pytest.mark.parametrize(("body", "kind", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_plain_json_object_is_refused(lite, body, kind, status):
    refused(lite.send("POST", "/shipments", data=body, content_type=kind), status)
    assert lite.rows(Shipment) == []


def test_a_compressed_body_is_refused(lite):
    headers = {"Content-Encoding": "gzip"}
    answer = lite.send("POST", "/shipments", data=b"x", content_type="application/json", headers=headers)
    refused(answer, 415, "compressed")


def test_events_are_told_in_order_in_the_contracts_form(api):
    with api.store.begin() as session:
        row = make.shipment(session)
        make.event(session, row, NOON, stage=None, exception=ExceptionCode.UNMAPPED)
        make.event(session, row, NOON - make.DAY, stage=Stage.OUT_FOR_DELIVERY)
    told = api.get(f"/shipments/{row.id}/events").json
    assert told["next_cursor"] is None
    assert [set(event) for event in told["items"]] == [EVENT_KEYS, EVENT_KEYS]
    first, second = told["items"]
    assert first["occurred_at"] == "2026-11-17T12:00:00+01:00"
    assert (second["stage"], second["exception"], second["mapped"]) == ("out_for_delivery", "unmapped", False)
    assert (first["number"], first["source"], first["location"]) == (row.number, "poll", "Mérida")


# --- addresses and lists ----------------------------------------------------------------------------------------------

NOWHERE = [
    "/shipments/0", "/shipments/-1", "/shipments/9223372036854775808", "/shipments/1e309", "/shipments/abc",
    "/shipments/7/events", "/incidents/I999999", "/incidents/..", "/incidents/%00", "/incidents/' OR 1=1",
    "/incidents/I999999/timeline", "/nothing", "/shipments/", "",
]  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
def test_what_is_not_there_is_a_404(api, path):
    refused(api.get(path), 404)


DEEDS = [
    "/incidents/I999999/promises", "/incidents/I999999/contacts", "/incidents/I999999/resolve",
    "/incidents/I999999/refunds", "/promises/1/kept", "/promises/1/broken", "/promises/1/renegotiate",
    "/refunds/1/approve", "/refunds/1/cancel",
]  # fmt: skip
ENOUGH = {
    "promises": {"performer": "depot", "action": "call", "beneficiary": "customer", "due_at": "2026-11-19T10:00:00Z"},
    "contacts": {"channel": "phone"},
    "resolve": {"outcome": "delivered"},
    "renegotiate": {"due_at": "2026-11-19T10:00:00Z"},
}


@pytest.mark.parametrize("path", DEEDS)
def test_nothing_can_be_done_to_what_is_not_there(lite, path):
    refused(lite.post(path, ENOUGH.get(path.rpartition("/")[2], {})), 404)


def test_another_method_is_a_405_that_names_the_right_one(lite):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = lite.send(method, "/shipments", json={})
        refused(answer, 405)
        assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/v2/shipments"])
def test_an_error_anywhere_under_api_is_a_problem_document(lite, path):
    refused(lite.client.get(path), 404)


def test_a_fault_of_ours_is_a_500_without_a_word_about_its_cause(lite, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("tracker.store.views.api.shipments", broken)
    answer = lite.get("/shipments")
    assert "Reference: " in refused(answer, 500)["detail"]
    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text


def test_a_list_is_walked_by_cursor_without_loss_or_doubling(api):
    with api.store.begin() as session:
        order = make.order(session)
        numbers = [make.shipment(session, order_id=order.id).number for _ in range(7)]
    seen, path = [], "/shipments?limit=3"
    for _ in range(3):
        page = api.get(path).json
        seen += [item["number"] for item in page["items"]]
        with api.store.begin() as session:
            make.shipment(session, order_id=order.id)
        path = f"/shipments?limit=3&cursor={page['next_cursor']}"
    assert seen == numbers[::-1]
    assert page["next_cursor"] is None


def test_a_list_of_exactly_one_page_ends_there(lite):
    with lite.store.begin() as session:
        order = make.order(session)
        [make.shipment(session, order_id=order.id) for _ in range(3)]
    page = lite.get("/shipments?limit=3").json
    assert (len(page["items"]), page["next_cursor"]) == (3, None)


BAD_QUERIES = {
    "too long a page": ("limit=1000000000", 422),
    "no page": ("limit=0", 422),
    "a page of words": ("limit=x", 422),
    "a cursor of one's own": ("cursor=MTA=", 422),
    "a cursor that is none": ("cursor=%FF%00", 422),
    "a number that no column holds": ("cursor=aWQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", 422),
    "a parameter that is none": ("sort=password_hash", 422),
    "a parameter twice": ("number=a&number=b", 400),
}


@pytest.mark.parametrize(("query", "status"), BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_query_that_is_not_meant_is_refused(lite, query, status):
    refused(lite.get(f"/shipments?{query}"), status)


def test_shipments_are_found_by_number_and_carrier(lite):
    lite.post("/shipments", MINIMAL)
    lite.post("/shipments", {"carrier": "dhl_unified", "number": "0070"})
    assert len(lite.get("/shipments?number=0070").json["items"]) == 2
    assert len(lite.get("/shipments?number=0070&carrier=seur").json["items"]) == 1
    assert lite.get("/shipments?number=70").json["items"] == []
    assert lite.get("/shipments?number=%00").json["items"] == []


# --- incidents --------------------------------------------------------------------------------------------------------


def test_incidents_are_listed_by_state_and_by_what_is_overdue(api):
    (late, _), (early, _) = api.case(), api.case(opened_at=NOON - make.DAY)
    with api.store.begin() as session:
        session.execute(sa.update(Incident).where(Incident.ref == late).values(next_due_at=NOON))
        session.execute(sa.update(Incident).where(Incident.ref == early).values(next_due_at=NOON + make.DAY))
    lines = api.get("/incidents").json["items"]
    assert [set(line) for line in lines] == [LINE_KEYS, LINE_KEYS]
    assert [line["ref"] for line in lines] == [early, late]
    assert [line["ref"] for line in api.get("/incidents?overdue=true").json["items"]] == [late]
    assert api.get("/incidents?state=resolved").json["items"] == []
    assert (lines[0]["promise_state"], lines[0]["refund_state"]) == ("made", None)
    refused(api.get("/incidents?state=closed"), 422, "state")


def test_an_incident_is_shown_whole_and_in_any_case(api):
    ref, promise_id = api.case()
    shown = api.get(f"/incidents/{ref.lower()}").json
    assert shown["ref"] == ref
    assert [promise["id"] for promise in shown["promises"]] == [promise_id]
    assert shown["promises"][0]["due_at"] == "2026-11-19T12:00:00+01:00"


def test_a_promise_is_recorded_and_told_in_the_timeline(api):
    ref, _ = api.case()
    asked = {"performer": "desk", "action": "call", "beneficiary": "customer", "due_at": "2026-11-19T14:00:00+01:00"}
    made = api.post(f"/incidents/{ref}/promises", {**asked, "reason": "they said so"})
    assert made.status_code == 201
    assert (made.json["state"], made.json["due_source"], made.json["version"]) == ("made", "agreed", 1)
    story = api.get(f"/incidents/{ref}/timeline").json["items"]
    assert [(entry["kind"], entry["body"]["promise"]) for entry in story] == [("promise_made", made.json["id"])]
    page = api.get(f"/incidents/{ref}/timeline?limit=1").json
    assert (len(page["items"]), page["next_cursor"]) == (1, None)


BAD_DUES = {
    "without a zone": ("2026-11-19T14:00:00", "has no zone"),
    "in the past": ("2026-11-18T11:59:00+01:00", "in the past"),
    "now": ("2026-11-18T12:00:00+01:00", "in the past"),
    "no time": ("tomorrow", "an instant"),
}


@pytest.mark.parametrize(("due_at", "why"), BAD_DUES.values(), ids=BAD_DUES)
def test_a_promise_needs_a_due_time_with_a_zone_that_is_to_come(lite, due_at, why):
    ref, promise_id = lite.case()
    asked = {"performer": "desk", "action": "call", "beneficiary": "customer", "due_at": due_at}
    told = refused(lite.post(f"/incidents/{ref}/promises", asked), 422, "due_at", why)
    assert [error["field"] for error in told["errors"]] == ["due_at"]
    refused(lite.post(f"/promises/{promise_id}/renegotiate", {"due_at": due_at}), 422, "due_at", why)
    assert len(lite.rows(Promise)) == 1


def test_a_performer_that_nobody_knows_is_refused_by_name(lite):
    ref, _ = lite.case()
    asked = {"performer": "king", "action": "call", "beneficiary": "customer", "due_at": "2026-11-19T14:00:00Z"}
    refused(lite.post(f"/incidents/{ref}/promises", asked), 422, "performer", "'depot'")


def test_a_promise_is_kept_broken_and_renegotiated(api):
    (_, kept), (ref, broken), (_, moved) = api.case(), api.case(), api.case()
    assert api.post(f"/promises/{kept}/kept", {"evidence": "the customer says so"}).json["state"] == "kept"
    assert api.post(f"/promises/{broken}/broken").json["state"] == "broken"
    told = api.post(f"/promises/{moved}/renegotiate", {"due_at": "2026-11-20T10:00:00Z"}).json
    assert (told["version"], told["due_at"]) == (2, "2026-11-20T11:00:00+01:00")
    with api.store.read() as session:
        assert by_ref(session, ref).ladder_from == NOON
    refused(api.post(f"/promises/{kept}/kept"), 409, "kept")
    refused(api.post(f"/promises/{broken}/renegotiate", {"due_at": "2026-11-20T10:00:00Z"}), 409, "broken")


def test_a_deed_after_the_due_time_keeps_a_promise_late(lite):
    _, promise_id = lite.case()
    lite.now = NOON + 2 * make.DAY
    body = {"at": (NOON + make.DAY + timedelta(minutes=1)).isoformat()}
    assert lite.post(f"/promises/{promise_id}/kept", body).json["state"] == "kept_late"


def test_a_contact_is_logged(api):
    ref, _ = api.case()
    asked = {"at": "2026-11-18T11:00:00+01:00", "channel": "phone", "person": "Ana", "reference": "R-7"}
    made = api.post(f"/incidents/{ref}/contacts", asked)
    assert (made.status_code, made.json["at"], made.json["person"]) == (201, "2026-11-18T11:00:00+01:00", "Ana")
    (row,) = api.rows(Contact)
    assert row.logged_by == "shop"
    refused(api.post(f"/incidents/{ref}/contacts", {**asked, "at": "2026-11-18T12:00:01+01:00"}), 422, "at", "future")
    refused(api.post(f"/incidents/{ref}/contacts", {"person": "Ana"}), 422, "channel is missing")


def test_an_incident_is_resolved_once(api):
    ref, _ = api.case()
    told = api.post(f"/incidents/{ref}/resolve", {"outcome": "delivered", "why": "the neighbour had it"})
    assert (told.status_code, told.json["state"], told.json["outcome"]) == (200, "resolved", "delivered")
    assert [promise["state"] for promise in told.json["promises"]] == ["void"]
    refused(api.post(f"/incidents/{ref}/resolve", {"outcome": "delivered"}), 409, "resolved")


def test_a_refund_is_proposed_approved_and_cancelled(api):
    (ref, _), (other, _) = api.case(), api.case()
    made = api.post(f"/incidents/{ref}/refunds")
    assert (made.status_code, made.json["amount"], made.json["state"]) == (201, "180.00", "requested")
    assert api.post(f"/incidents/{ref}/refunds").json["id"] == made.json["id"]
    assert api.post(f"/refunds/{made.json['id']}/approve").json["state"] == "approved"
    assert api.get(f"/incidents/{ref}").json["refund_state"] == "approved"
    second = api.post(f"/incidents/{other}/refunds", {"amount": "20.00"}).json
    assert api.post(f"/refunds/{second['id']}/cancel", {"why": "found"}).json["state"] == "cancelled"
    assert len(api.rows(Remedy)) == 2
    refused(api.post(f"/refunds/{second['id']}/approve"), 422, "cancelled")
    refused(api.post(f"/incidents/{other}/refunds", {"amount": "20.005"}), 422, "amount", "2 decimals")


# --- once -------------------------------------------------------------------------------------------------------------


def test_the_same_key_and_request_act_once_and_answer_the_same(api):
    ref, _ = api.case()
    asked = {"at": "2026-11-18T11:00:00+01:00", "channel": "phone"}
    answers = [api.post(f"/incidents/{ref}/contacts", asked, once="k1") for _ in range(3)]
    assert {(answer.status_code, answer.data) for answer in answers} == {(201, answers[0].data)}
    assert len(api.rows(Contact)) == 1
    assert api.post(f"/incidents/{ref}/contacts", asked, once="k2").status_code == 201
    assert len(api.rows(Contact)) == 2


def test_the_same_key_with_another_request_is_refused(api):
    ref, promise_id = api.case()
    api.post(f"/incidents/{ref}/contacts", {"channel": "phone"}, once="k1")
    refused(api.post(f"/incidents/{ref}/contacts", {"channel": "mail"}, once="k1"), 422, "another request")
    refused(api.post(f"/promises/{promise_id}/kept", once="k1"), 422, "another request")
    assert len(api.rows(Contact)) == 1


def test_another_owner_may_use_the_same_key(lite):
    with lite.store.begin() as session:
        other = keys.add(session, "erp", NOON)
    assert lite.post("/shipments", MINIMAL, once="k1").status_code == 201
    assert lite.post("/shipments", MINIMAL, once="k1", key=other).status_code == 200


def claimed(api, ref, body, at):
    """As if another process were still answering the same request since `at`."""
    api.post(f"/incidents/{ref}/contacts", body, once="k1")
    with api.store.begin() as session:
        session.execute(sa.delete(Contact))
        session.execute(sa.update(Replay).values(status=None, body=None, made_at=at))


def test_a_request_that_is_still_being_answered_is_a_409(api):
    ref, _ = api.case()
    claimed(api, ref, {"channel": "phone"}, NOON - timedelta(seconds=60))
    answer = api.post(f"/incidents/{ref}/contacts", {"channel": "phone"}, once="k1")
    refused(answer, 409, "still being answered")
    assert answer.headers["Retry-After"] == "5"
    assert api.rows(Contact) == []


def test_a_request_whose_process_died_may_be_sent_again(api):
    ref, _ = api.case()
    claimed(api, ref, {"channel": "phone"}, NOON - timedelta(seconds=61))
    again = [api.post(f"/incidents/{ref}/contacts", {"channel": "phone"}, once="k1") for _ in range(2)]
    assert [answer.status_code for answer in again] == [201, 201]
    assert len(api.rows(Contact)) == 1


def test_a_request_that_was_taken_over_commits_nothing(api, monkeypatch):
    ref, _ = api.case()
    keep = keys.keep

    def too_late(session, row, status, body):
        session.execute(sa.update(Replay).values(made_at=NOON + timedelta(seconds=61)))
        keep(session, row, status, body)

    monkeypatch.setattr(keys, "keep", too_late)
    refused(api.post(f"/incidents/{ref}/contacts", {"channel": "phone"}, once="k1"), 409)
    assert api.rows(Contact) == []


def test_a_request_that_failed_may_be_sent_again(api):
    ref, _ = api.case()
    refused(api.post("/incidents/I999999/contacts", {"channel": "phone"}, once="k1"), 404)
    refused(api.post(f"/incidents/{ref}/resolve", {"outcome": "lost"}, once="k1"), 422)
    assert api.post(f"/incidents/{ref}/resolve", {"outcome": "delivered"}, once="k1").status_code == 200
    assert len(api.rows(Replay)) == 1


def test_a_key_that_is_none_is_refused(lite):
    refused(lite.post("/shipments", MINIMAL, once="k" * 129), 400, "Idempotency-Key")


def test_many_at_once_with_one_key_act_once(api):
    ref, _ = api.case()
    start, statuses = Barrier(8), []

    def one():
        start.wait()
        answer = api.app.test_client().post(
            f"/api/v1/incidents/{ref}/contacts",
            json={"channel": "phone"},
            headers={"Authorization": f"Bearer {api.key}", "Idempotency-Key": "k1"},
        )
        statuses.append(answer.status_code)

    threads = [Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(api.rows(Contact)) == 1


# --- reads change nothing, places, description ------------------------------------------------------------------------


def test_a_look_changes_nothing(api):
    ref, _ = api.case()
    with api.store.begin() as session:
        incident = by_ref(session, ref)
        propose(session, api.tools, NOON, incident, make.JOB)
        shipment_id = incident.shipment_id
    before = snapshot(api)
    for path in (
        "/shipments",
        f"/shipments/{shipment_id}",
        f"/shipments/{shipment_id}/events",
        "/incidents",
        f"/incidents/{ref}",
        f"/incidents/{ref}/timeline",
        "/depots",
        "/carriers",
    ):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert api.send(method, path).status_code == 200
    assert snapshot(api) == before


def snapshot(api):
    tables = sa.MetaData()
    tables.reflect(api.store.engine)
    with api.store.engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(table.select())] for name, table in tables.tables.items()
        }


def test_depots_and_carriers_are_listed(api):
    with api.store.begin() as session:
        make.depot(session, code="06")
    (depot,) = api.get("/depots?carrier=seur").json["items"]
    assert (depot["code"], depot["postcodes"], depot["timezone"]) == ("06", ["06"], "Europe/Madrid")
    assert {"code": "seur", "name": "SEUR", "configured": False} in api.get("/carriers").json["items"]


def test_the_description_is_valid_and_tells_every_route(lite):
    from openapi_spec_validator import OpenAPIV31SpecValidator

    spec = lite.client.get("/api/openapi.json").json
    OpenAPIV31SpecValidator(spec).validate()
    assert spec["openapi"] == "3.1.0"
    rules = [rule for rule in lite.app.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    told = {(path, method) for path, operations in spec["paths"].items() for method in operations}
    assert len(told) == len(rules)
    assert all(path.startswith("/api/v1/") for path in spec["paths"])
    assert {"shipments", "incidents", "promises", "refunds", "depots", "carriers"} == {t["name"] for t in spec["tags"]}
    assert "application/problem+json" in json.dumps(spec["paths"]["/api/v1/shipments"]["post"]["responses"]["422"])
    assert spec["paths"]["/api/v1/shipments"]["post"]["requestBody"]["required"] is True
    assert spec["paths"]["/api/v1/refunds/{refund_id}/approve"]["post"]["requestBody"]["required"] is False


def test_the_page_of_the_description_takes_everything_from_here(lite):
    page = lite.client.get("/api/docs")
    assert page.status_code == 200
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for path in ("/api/docs/start.js", "/api/docs/js/swagger-ui-bundle.js", "/api/docs/css/swagger-ui.css"):
        assert path in page.text
        with lite.client.get(path) as answer:
            assert answer.status_code == 200
    refused_file = lite.client.get("/api/docs/../plugins.py")
    assert refused_file.status_code == 404


def test_performer_action_and_state_are_the_words_of_the_contract(lite):
    schemas = lite.client.get("/api/openapi.json").json["components"]["schemas"]
    told = json.dumps(schemas)
    for word in [*Party, *Action, *State]:
        assert f'"{word}"' in told
