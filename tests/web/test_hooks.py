"""Reports of the payment provider: believed by their signature, stored before they are acknowledged, once."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from config import Config
from tests import make
from tracker.app import create_app
from tracker.domain.incidents import Outcome
from tracker.domain.notices import Topic
from tracker.domain.refunds import State
from tracker.outside import webhooks
from tracker.outside.http import Reply
from tracker.outside.refund_providers.webhook import Webhook
from tracker.steps import refunds
from tracker.store.audit import Actor, ActorKind, Audit
from tracker.store.outbox import Notice
from tracker.store.refunds import Remedy

NOW = make.NOON
SECRET = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3RzLCAzMiBieXRlcyE="
OTHER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgMzIgYnl0ZXM="
PATH = "/hooks/webhook/refunds"
LEAD = Actor(ActorKind.STAFF, "2", "ops")


class Accepting:
    """A merchant's system that accepts everything."""

    def send(self, method, url, **_):
        return Reply(202, {}, b"")


class Hooks:
    """The application with a refund that was sent and accepted."""

    def __init__(self, url):
        self.store = make.store(url)
        provider = Webhook(Accepting(), "https://shop.example/refunds", SECRET)
        self.tools = make.tools(self.store, providers={"webhook": provider})
        self.client = create_app(Config(env="test"), clock=lambda: NOW, tools=self.tools).test_client()
        with self.store.begin() as session:
            incident = make.incident(session, make.shipment(session))
            remedy = refunds.propose(session, self.tools, NOW, incident, LEAD)
            refunds.approve(session, self.tools, NOW, remedy, LEAD)
            self.key = remedy.key
        refunds.send(self.tools, NOW)

    def told(self, **values):
        report = {"refund_id": self.key, "status": "succeeded", "provider_refund_id": "pay-1", "reason": ""}
        return json.dumps({**report, **values}).encode()

    def post(self, body, *, secret=SECRET, at=NOW, message="msg-1", path=PATH, **headers):
        signed = webhooks.sign(secret, message, at, body)
        return self.client.post(path, data=body, headers={**signed, "Content-Type": "application/json", **headers})

    @property
    def remedy(self):
        with self.store.read() as session:
            found = session.scalars(sa.select(Remedy)).one()
            assert found.incident
            return found

    def count(self, model, **where):
        with self.store.read() as session:
            return len(session.scalars(sa.select(model).filter_by(**where)).all())


@pytest.fixture
def hooks(store_url):
    made = Hooks(store_url)
    yield made
    made.store.close()


def test_a_signed_report_ends_the_refund_and_its_repetition_changes_nothing(hooks):
    assert hooks.remedy.state is State.PENDING
    for message in ("msg-1", "msg-1", "msg-2"):
        answer = hooks.post(hooks.told(), message=message)
        assert (answer.status_code, answer.data) == (204, b"")
    assert (hooks.remedy.state, hooks.remedy.provider_ref) == (State.SUCCEEDED, "pay-1")
    assert hooks.remedy.incident.outcome is Outcome.REFUNDED
    assert hooks.count(Notice, topic=Topic.CUSTOMER_REFUNDED) == 1
    assert hooks.count(Audit, action="refund_succeeded", actor_kind=ActorKind.PROVIDER, via="callback msg-1") == 1


def test_INV_E3_the_effect_is_committed_before_it_is_acknowledged(hooks, monkeypatch):
    def broken(*args):
        raise sa.exc.OperationalError("COMMIT", {}, Exception("the disk is full"))

    monkeypatch.setattr("sqlalchemy.orm.Session.commit", broken)
    monkeypatch.setattr("sqlalchemy.orm.SessionTransaction.commit", broken)
    assert hooks.post(hooks.told()).status_code == 503
    monkeypatch.undo()
    assert hooks.remedy.state is State.PENDING
    assert hooks.post(hooks.told()).status_code == 204
    assert hooks.remedy.state is State.SUCCEEDED


def test_a_replayed_older_report_does_not_move_it_back(hooks):
    hooks.post(hooks.told(status="succeeded"))
    assert hooks.post(hooks.told(status="pending"), message="msg-0").status_code == 204
    assert hooks.remedy.state is State.SUCCEEDED


def test_a_failed_report_goes_to_people_with_its_reason(hooks):
    assert hooks.post(hooks.told(status="failed", reason="the account is closed")).status_code == 204
    assert (hooks.remedy.state, hooks.remedy.detail) == (State.FAILED, "the account is closed")
    assert hooks.count(Notice, topic=Topic.STAFF_ALARM) == 1


def test_F68_a_report_about_a_refund_that_is_not_ours_is_kept_for_people(hooks):
    assert hooks.post(hooks.told(refund_id="I999999-refund-1")).status_code == 204
    assert hooks.remedy.state is State.PENDING
    assert hooks.count(Notice, topic=Topic.STAFF_ALARM) == 1


STAMP = str(int(NOW.timestamp()))
UNSIGNED = {
    "nothing": {},
    "no signature": {"webhook-id": "m", "webhook-timestamp": STAMP},
    "no id": {"webhook-timestamp": STAMP, "webhook-signature": "v1,AAAA"},
    "no time": {"webhook-id": "m", "webhook-signature": "v1,AAAA"},
    "a wrong signature": {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": "v1,AAAA"},
    "no version": {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": "AAAA"},
    "not base64": {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": "v1,*** v1, ,,"},
    "not ASCII": {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": "v1,ñ"},
    "a time that is none": {"webhook-id": "m", "webhook-timestamp": "soon", "webhook-signature": "v1,AAAA"},
    "a time beyond all calendars": {"webhook-id": "m", "webhook-timestamp": "9" * 40, "webhook-signature": "v1,AAAA"},
    "a negative time": {"webhook-id": "m", "webhook-timestamp": "-1", "webhook-signature": "v1,AAAA"},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
def test_whatever_is_wrong_with_a_signature_is_a_401(hooks, headers):
    answer = hooks.client.post(PATH, data=hooks.told(), headers=headers)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert hooks.remedy.state is State.PENDING


FORGED = {
    "by somebody else": {"secret": OTHER},
    "too old": {"at": NOW - timedelta(minutes=5, seconds=1)},
    "from the future": {"at": NOW + timedelta(minutes=5, seconds=1)},
}


@pytest.mark.parametrize("values", FORGED.values(), ids=FORGED)
def test_a_report_that_is_not_proven_is_a_401(hooks, values):
    assert hooks.post(hooks.told(), **values).status_code == 401
    assert hooks.remedy.state is State.PENDING


def test_a_signature_of_another_body_is_a_401(hooks):
    signed = webhooks.sign(SECRET, "m", NOW, hooks.told(status="pending"))
    assert hooks.client.post(PATH, data=hooks.told(), headers=signed).status_code == 401
    assert hooks.remedy.state is State.PENDING


def test_a_body_that_is_no_text_is_a_401(hooks):
    headers = {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": "v1,AAAA"}
    assert hooks.client.post(PATH, data=b"\xff\xfe\x00", headers=headers).status_code == 401


UNREADABLE = {
    "not JSON": b"succeeded",
    "empty": b"",
    "a list": b"[]",
    "a key twice": b'{"refund_id": "a", "refund_id": "b", "status": "succeeded"}',
    "no refund": b'{"status": "succeeded"}',
    "a number for a refund": b'{"refund_id": 7, "status": "succeeded"}',
    "a status that we do not know": b'{"refund_id": "a", "status": "paid"}',
    "NaN": b'{"refund_id": "a", "status": "succeeded", "reason": NaN}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_signed_report_that_cannot_be_read_is_a_422_with_a_sentence(hooks, body):
    answer = hooks.post(body)
    assert answer.status_code == 422
    assert answer.json["detail"].endswith(".")


def test_unknown_fields_change_nothing(hooks):
    assert hooks.post(hooks.told(amount="999.00", state="cancelled", is_admin=True)).status_code == 204
    assert (hooks.remedy.state, hooks.remedy.amount_minor) == (State.SUCCEEDED, 18000)


NOWHERE = ["/hooks/webhook/other", "/hooks/stripe/refunds", "/hooks/webhook/", "/hooks/webhook/refunds/more"]


@pytest.mark.parametrize("path", NOWHERE)
def test_another_endpoint_is_not_there(hooks, path):
    assert hooks.post(hooks.told(), path=path).status_code == 404
    assert hooks.remedy.state is State.PENDING


def test_a_report_above_one_megabyte_is_not_read(hooks):
    assert hooks.post(hooks.told(reason="x" * (1024 * 1024))).status_code == 413
    assert hooks.remedy.state is State.PENDING


def test_a_packed_report_is_not_unpacked(hooks):
    assert hooks.post(hooks.told(), **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_look_at_the_endpoint_is_not_allowed(hooks):
    assert hooks.client.get(PATH).status_code == 405
