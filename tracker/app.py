"""Wires the web application: settings, tools, faces, errors and headers; starts no thread."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import sqlalchemy as sa
from apiflask import APIFlask
from flask_alembic import Alembic
from flask_bootstrap import Bootstrap5

from config import ROOT, Config, SettingsError
from tracker import clock as clocks
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account
from tracker.domain import ladder
from tracker.domain.refunds import Mode
from tracker.outside.http import Http
from tracker.outside.mail import mailer
from tracker.outside.refund_providers.base import Provider
from tracker.outside.refund_providers.webhook import Webhook
from tracker.outside.words import Words
from tracker.steps import Tools
from tracker.store.base import Base, Store
from tracker.store.tables import ALL
from tracker.web import customer, depot, errors, health, language, security
from tracker.web.db import CLOCK, TOOLS

assert ALL, "every table must be known before the schema is compared"

FACES: Final = (customer.blueprint, depot.blueprint, health.blueprint)
LATER: Final = ("ops", "api", "hooks")
COOKIELESS: Final = frozenset({"api", "hooks"})
WEBHOOK: Final = "webhook"


def create_app(config: Config, *, clock: clocks.Clock | None = None, tools: Tools | None = None) -> APIFlask:
    """The application; `clock` and `tools` replace what the settings say (tests, the simulator).

    Raises SettingsError where the web must not serve: in production without a good secret key.
    """
    if _serves():
        config.require_secret_key()
    clock = clock or (clocks.frozen(config.now) if config.now else clocks.now)
    tools = tools or tools_from(config)
    app = APIFlask(
        __name__,
        title="Parcel incident tracker",
        version="1",
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        template_folder=str(ROOT / "templates"),
        static_folder=str(Path(__file__).parent / "web/static"),
    )
    app.config.update(OPENAPI_VERSION="3.1.0", BOOTSTRAP_SERVE_LOCAL=True, SECRET_KEY=config.secret_key)
    app.extensions[TOOLS], app.extensions[CLOCK] = tools, clock
    _schema(app, tools)
    Bootstrap5(app)
    language.register(app)
    guard = security.protect(app, config.base_url)
    errors.register(app)
    for face in (*FACES, *(import_module(f"tracker.web.{name}").blueprint for name in LATER if _exists(name))):
        app.register_blueprint(face)
        if face.name in COOKIELESS:
            guard.exempt(face)
    return app


def _serves() -> bool:
    """Whether this process serves pages: a WSGI server loads us, or `flask run`; other commands need no key."""
    command = click.get_current_context(silent=True)
    return command is None or command.info_name == "run"


def _exists(name: str) -> bool:
    found = find_spec(f"tracker.web.{name}")
    return found is not None and found.origin is not None


def _schema(app: APIFlask, tools: Tools) -> None:
    """`flask db` on the plain engine, and the number of the newest migration for /readyz.

    Flask-Alembic stands in for env.py and takes every file at its script location for a migration.
    """
    app.config["ALEMBIC"] = {"script_location": str(ROOT / "migrations/versions")}
    app.config["ALEMBIC_CONTEXT"] = {"render_as_batch": True, "compare_type": True, "compare_server_default": False}
    Alembic(app, run_mkdir=False, metadatas=Base.metadata, engines=tools.store.engine)
    app.extensions[health.HEAD] = (ROOT / "migrations/.head").read_text().strip()


def tools_from(config: Config) -> Tools:
    """The tools that the settings describe.  Raises SettingsError for one that names nothing of ours."""
    config.refuse_unknown(CARRIERS, {WEBHOOK})
    http = Http()
    return Tools(
        store=_store(config),
        http=http,
        mail=mailer(config.mail_url),
        words=Words(),
        accounts={code: Account(code, keys.get("BASE_URL", ""), keys) for code, keys in config.carriers.items()},
        providers=_providers(config, http),
        policy=_policy(config.policy_file),
        refunds_mode=Mode(config.refunds_mode),
        secret=(config.secret_key or "").encode(),
        base_url=config.base_url,
        zone=config.timezone.key,
        locale=config.locale,
        notify_urls=config.notify_urls,
    )


def _store(config: Config) -> Store:
    url = sa.make_url(config.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(config.database_url, clocks.now)


def _providers(config: Config, http: Http) -> dict[str, Provider]:
    keys = config.refunds.get(WEBHOOK)
    if keys is None:
        return {}
    for name in ("URL", "SECRET"):
        if not keys.get(name):
            raise SettingsError(f"TRACKER_REFUND_WEBHOOK__{name} must be set when refunds go by the webhook.")
    return {WEBHOOK: Webhook(http, keys["URL"], keys["SECRET"], keys.get("STATUS_URL", ""))}


def _policy(path: Path | None) -> ladder.Policy:
    if path is None:
        return ladder.BUILT_IN
    try:
        return ladder.read(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, ladder.PolicyError) as why:
        raise SettingsError(f"TRACKER_POLICY_FILE cannot be used: {why}.") from None
