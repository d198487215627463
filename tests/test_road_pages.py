"""The broken desk once more, with people who use the real pages and a bank that calls the real endpoint."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from config import Config
from tests.test_road import ROAD
from tracker.app import create_app
from tracker.domain.notices import Topic
from tracker.simulator import trace
from tracker.simulator.scenarios import STORIES
from tracker.simulator.scenarios.stage import QUESTIONS, Stage, on
from tracker.store.incidents import Timeline

MINUTES = timedelta(minutes=1)


class Visitor:
    """Somebody with a browser of his own."""

    def __init__(self, app):
        self.client = app.test_client()

    def answer(self, letter, **fields):
        """Open the link in a letter and press the button of the form that has these fields."""
        page = self.client.get(urlsplit(re.search(r"http\S+/[pd]/\S+", letter.text)[0]).path)
        assert page.status_code == 200
        return self.press(page, **fields)

    def press(self, page, **fields):
        name, value = next(iter(fields.items()))
        forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
        form = next(form for form in forms if re.search(rf'name="{name}"\s+value="{value}"', form))
        action = re.search(r'action="([^"]+)"', form)
        token = re.search(r'name="csrf_token"\s+(?:type="hidden"\s+)?value="([^"]+)"', form)[1]
        target = action[1] if action else page.request.path
        answer = self.client.post(target, data={**fields, "csrf_token": token})
        assert answer.status_code in {200, 303}, answer.text
        return answer


@pytest.fixture
def stage(sqlite_url):
    return Stage(sqlite_url)


def test_the_broken_desk_through_the_real_pages_is_the_same_road(stage):
    world = stage.world
    app = create_app(
        Config(env="test", base_url="http://tracker.example"), clock=world.clockwork, tools=world.scene.tools
    )
    customer, depot, bank = Visitor(app), Visitor(app), app.test_client()

    def report(entry):
        body, headers = world.provider.callback(entry)
        assert bank.post("/hooks/webhook/refunds", data=body, headers=headers).status_code == 204

    world.bank.report = report
    stage.disaster()
    stage.at(on(11, 11), lambda: stage.log_call(on(12, 14)))
    stage.answer(Topic.CUSTOMER_ASKED, 20 * MINUTES, lambda letter: customer.answer(letter, called="no"))
    stage.at(on(13, 17, 30), lambda: depot.answer(stage.last(*QUESTIONS), answer="broken"))
    stage.answer(Topic.CUSTOMER_FOLLOWUP, 30 * MINUTES, lambda letter: customer.answer(letter, well="yes", rating="4"))
    world.run(STORIES["broken-desk"].until)

    with world.scene.tools.store.read() as session:
        lines = trace.log(session)
        answered = session.scalars(sa.select(Timeline.body).where(Timeline.kind == "followup_answered")).one()
    opened_at = next(line.at for line in lines if line.what == "incident_opened")
    assert [(line.at, line.what, line.who) for line in lines] == [
        (at or opened_at, what, who) for at, what, who, _ in ROAD
    ]
    assert answered == {"well": True, "rating": 4}
