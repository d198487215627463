"""The web application over a fresh database, with forms that are sent as a browser sends them."""

import re

from config import Config
from tests import make
from tracker.app import create_app

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Faces:
    """The application at one instant that a test may move; `client` keeps cookies like a browser."""

    def __init__(self, url, *, base_url="http://127.0.0.1:8000", at=make.NOON, **tools):
        self.at = at
        self.store = make.store(url, lambda: self.at)
        self.tools = make.tools(self.store, base_url=base_url, **tools)
        config = Config(env="test", database_url=url, base_url=base_url)
        self.app = create_app(config, clock=lambda: self.at, tools=self.tools)
        self.client = self.app.test_client()

    def get(self, path, **more):
        """A page."""
        return self.client.get(path, **more)

    def text(self, path, **more):
        """What a page says, without markup, spaces made one."""
        return plain(self.get(path, **more))

    def send(self, path, page=None, **form):
        """Send a form with the token of the page that holds it, by default the one at the same address."""
        found = TOKEN.search(self.get(page or path).text)
        return self.client.post(path, data={"csrf_token": found[1] if found else "", **form})

    def close(self):
        """Let go of the database."""
        self.store.close()


def plain(response):
    """The text of an answer, without markup, spaces made one."""
    body = re.sub(r"<head>.*?</head>", "", response.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'")
