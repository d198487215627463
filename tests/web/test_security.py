"""What guards every route: headers, tokens, where a request comes from, errors without traces, logs without tokens."""

import logging
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from click.testing import CliRunner
from flask.cli import FlaskGroup

from config import ROOT, Config, SettingsError
from tests import make
from tests.web.faces import TOKEN, Faces, plain
from tracker.app import create_app
from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.store.links import Purpose
from tracker.store.shipments import Feed
from tracker.web.security import COOKIELESS, CSP, masked


class Images(HTMLParser):
    """The images that a browser would make of a page."""

    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.sources.append(dict(attrs).get("src"))


HTTPS = "https://parcels.example.com"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def faces(sqlite_url):
    served = Faces(sqlite_url)
    yield served
    served.close()


@pytest.fixture
def https(sqlite_url):
    served = Faces(sqlite_url, base_url=HTTPS)
    yield served
    served.close()


def addresses(app):
    """Every route of the application with an address that fits it."""
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        address = re.sub(r"<(int|float)[^>]*>", "1", address)
        yield rule, re.sub(r"<[^>]+>", "nothing", address)


# --- headers ----------------------------------------------------------------------------------------------------------


def test_every_route_answers_with_the_strict_headers(faces):
    missing = []
    for rule, address in addresses(faces.app):
        for method in rule.methods & {"GET", "HEAD", "POST", "OPTIONS"}:
            answer = faces.client.open(address, method=method)
            wanted = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex"}
            wanted |= {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"}
            wanted |= {"Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'"}
            got = answer.headers
            missing += [(method, address, name) for name, value in wanted.items() if value not in got.get(name, "")]
            if not rule.endpoint.endswith("static") and got.get("Cache-Control") != "no-store":
                missing.append((method, address, "Cache-Control"))
    assert missing == []


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    assert "unsafe" not in CSP
    assert set(re.findall(r"(?:http|data|blob)\S*", CSP)) == set()
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(CSP.split("; "))


@pytest.mark.parametrize("path", ["/", "/track", "/p/x", "/d/x", "/p/x/call"])
def test_pages_have_no_inline_style_or_script(faces, path):
    text = faces.get(path).text
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=", text)


def test_https_is_told_to_stay(https, faces):
    assert "max-age=31536000" in https.get("/").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in faces.get("/").headers


def test_cookies_are_secure_on_https_and_short(https, faces):
    cookie = https.client.get("/", base_url=HTTPS).headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    plain_cookie = faces.get("/").headers["Set-Cookie"]
    assert "Secure" not in plain_cookie
    assert "HttpOnly" in plain_cookie


def test_answers_name_no_version_of_the_server(faces):
    assert not re.search(r"\d", faces.get("/").headers.get("Server", ""))


# --- forged requests --------------------------------------------------------------------------------------------------


def cookie_routes(app):
    for rule, address in addresses(app):
        for method in sorted(rule.methods & set(UNSAFE)):
            if not address.startswith(COOKIELESS):
                yield method, address


def test_no_unsafe_route_of_a_page_works_without_the_token(faces):
    faces.get("/")
    routes = list(cookie_routes(faces.app))
    refused = {route: faces.client.open(route[1], method=route[0]) for route in routes}
    assert len(routes) >= 6
    assert {route for route, answer in refused.items() if answer.status_code != 400} == set()


def test_no_unsafe_route_of_a_page_works_from_another_site(faces):
    token = TOKEN.search(faces.get("/").text)[1]
    for method, address in cookie_routes(faces.app):
        for site in ("cross-site", "same-site"):
            sent = {"method": method, "data": {"csrf_token": token}, "headers": {"Sec-Fetch-Site": site}}
            assert faces.client.open(address, **sent).status_code == 403, (method, address)


def test_the_own_page_may_send_also_over_https_without_a_referrer(https):
    page = https.client.get("/", base_url=HTTPS)
    answer = https.client.post(
        "/track",
        base_url=HTTPS,
        data={"csrf_token": TOKEN.search(page.text)[1], "number": "X", "postcode": "1"},
        headers={"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    )
    assert answer.status_code == 404


def test_a_token_of_another_visitor_is_refused(faces):
    token = TOKEN.search(faces.app.test_client().get("/").text)[1]
    faces.get("/")
    assert faces.client.post("/track", data={"csrf_token": token}).status_code == 400


def test_a_stale_page_says_how_to_go_on(faces):
    answer = faces.client.post("/p/x/call", data={"csrf_token": "old"}, headers={"Accept-Language": "en"})
    assert "open the page and press again" in plain(answer)
    assert 'href="/p/x/call"' in answer.text


# --- what comes from outside stays text -------------------------------------------------------------------------------


def test_what_others_wrote_is_shown_as_text(faces):
    canary = '"><img src=x onerror=1>{{7*7}}'
    with faces.store.begin() as session:
        depot = make.depot(session, name=canary, language=canary[:8])
        order = make.order(session, customer={"name": canary, "phone": canary, "locale": "en"})
        values = {"number": canary, "postcode": canary[:16], "country": '">', "carrier": canary}
        shipment = make.shipment(session, order_id=order.id, depot_id=depot.id, **values)
        make.event(session, shipment, make.NOON, text=canary, location=canary)
        make.event(session, shipment, make.NOON, text=canary, exception=ExceptionCode.LOST)
        incident = make.incident(session, shipment)
        make.promise(session, incident, make.NOON)
        of = {"shipment_id": shipment.id}
        customers = f"/p/{make.token(session, Purpose.CUSTOMER, **of)}"
        depots = f"/d/{make.token(session, Purpose.DEPOT, **of, incident_id=incident.id, depot_id=depot.id)}"
    for path in (customers, f"{customers}/call", depots):
        answer = faces.get(path)
        assert answer.status_code == 200
        page = Images()
        page.feed(answer.text)
        assert page.sources == ["/static/parcel.svg"]
        assert "49" not in plain(answer)
    assert "onerror" in faces.get(customers).text


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/x.css", "/p/a/b/c", "/d/"])
def test_an_unknown_address_is_a_page(faces, path):
    answer = faces.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "There is nothing here." in plain(answer)


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/hooks/nowhere"])
def test_an_unknown_address_of_programs_is_a_problem_document(faces, path):
    answer = faces.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["status"] == 404


ERRORS = {
    "what cannot be done": (Refused("the day is over"), 422, "the day is over"),
    "a move that is not there": (IllegalMove("cannot resolve"), 409, "The case has moved on"),
    "a database that is away": (sa.exc.OperationalError("SELECT 1", {}, Exception("gone")), 503, "Reference:"),
    "a mistake of ours": (ZeroDivisionError("secret detail"), 500, "Reference:"),
}


@pytest.mark.parametrize(("error", "status", "said"), ERRORS.values(), ids=ERRORS)
def test_an_error_becomes_a_page_without_a_trace(faces, caplog, error, status, said):
    def fail():
        raise error

    faces.app.add_url_rule("/fail", view_func=fail)
    answer = faces.get("/fail", headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert said in plain(answer)
    for secret in ("Traceback", "secret detail", "SELECT", "File"):
        assert secret not in answer.text
    if status >= 500:
        reference = re.search(r"Reference: (\w{8})", plain(answer))[1]
        assert reference in caplog.text
        assert "/fail" in caplog.text


def test_a_body_too_large_is_refused(faces):
    page = faces.get("/")
    answer = faces.client.post(
        "/track", data={"csrf_token": TOKEN.search(page.text)[1], "number": "1" * 3_000_000, "postcode": "1"}
    )
    assert answer.status_code == 413


# --- logs -------------------------------------------------------------------------------------------------------------

LINES = {
    "a page": ('"GET /p/abc-_123 HTTP/1.1" 200', "abc-_123", "/p/<{}> HTTP"),
    "a question": ('"POST /p/abc-_123/call HTTP/1.1" 303', "abc-_123", "/p/<{}>/call"),
    "a depot's link": ('"GET /d/tok?x=1 HTTP/1.1" 200', "tok", "/d/<{}>?x=1"),
}


@pytest.mark.parametrize(("line", "token", "kept"), LINES.values(), ids=LINES)
def test_a_log_line_keeps_the_start_of_a_hash_instead_of_the_token(line, token, kept):
    assert kept.format(sha256(token.encode()).hexdigest()[:8]) in masked(line)
    assert token not in masked(line)


@pytest.mark.parametrize("name", ["werkzeug", "gunicorn.access", "gunicorn.error", "tracker.app", "tracker.web.errors"])
def test_no_logger_of_the_web_writes_a_token(faces, caplog, name):
    with caplog.at_level(logging.INFO, logger=name):
        logging.getLogger(name).info('%s "%s" %s', "127.0.0.1", "GET /d/the-token HTTP/1.1", 200)
    assert "/d/<" in caplog.text
    assert "the-token" not in caplog.text


# --- serving at all ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "short", "for demo and test only: everybody knows this key"])
def test_production_serves_with_a_good_key_only(sqlite_url, key):
    config = Config(env="production", database_url=sqlite_url, given_secret=key)
    with pytest.raises(SettingsError, match=r"^TRACKER_SECRET_KEY must be set to a secret of 32 bytes or more"):
        create_app(config)
    good = Config(env="production", database_url=sqlite_url, given_secret="k" * 32)
    assert create_app(good).config["SECRET_KEY"] == "k" * 32


def test_the_process_says_that_it_is_up_without_the_database(tmp_path):
    app = create_app(Config(env="test", database_url=f"sqlite:///{tmp_path}/empty.db"))
    assert app.test_client().get("/healthz").text == "ok\n"
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"ready": False, "database": "down"})


def test_ready_means_a_database_with_the_newest_schema(store_url):
    faces = Faces(store_url)
    head = (ROOT / "migrations/.head").read_text().strip()
    with faces.store.begin() as session:
        session.add(Feed(carrier="seur", last_attempt_at=make.NOON, failures=0))
        make.shipment(session, wake_at=make.NOON - make.DAY)
        make.shipment(session, wake_at=make.NOON - 2 * make.DAY, parked_at=make.NOON)
    answer = faces.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "database": "up",
        "schema": head,
        "schema_head": head,
        "last_tick": make.NOON.isoformat(),
        "queue_age_s": 86400,
    }
    with faces.store.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = faces.get("/readyz")
    faces.close()
    assert (answer.status_code, answer.json["ready"]) == (503, False)


def test_the_schema_can_be_brought_up_from_the_command_line(tmp_path):
    app = create_app(Config(env="test", database_url=f"sqlite:///{tmp_path}/new/tracker.db"))
    flask = FlaskGroup(create_app=lambda: app)
    assert CliRunner().invoke(flask, ["db", "upgrade"]).exit_code == 0
    assert app.test_client().get("/readyz").status_code == 200
    assert (ROOT / "migrations/.head").read_text().strip() in CliRunner().invoke(flask, ["db", "current"]).output


# --- words ------------------------------------------------------------------------------------------------------------


def test_every_word_of_the_public_pages_is_in_the_spanish_catalog():
    with (ROOT / "tracker/translations/es/LC_MESSAGES/messages.po").open("rb") as file:
        known = {message.id for message in read_po(file, locale="es") if message.string}
    keywords = dict.fromkeys(("_", "gettext", "noted"))
    folders = ("tracker/web/*.py", "tracker/web/customer/*.py", "tracker/web/depot/*.py")
    templates = ("templates/*.html", "templates/customer/*.html", "templates/depot/*.html")
    said = {
        message: path.name
        for method, patterns in (("python", folders), ("jinja2.ext:babel_extract", templates))
        for pattern in patterns
        for path in ROOT.glob(pattern)
        for _, message, _, _ in extract_from_file(method, path, keywords=keywords)
        if isinstance(message, str)
    }
    assert len(said) > 150
    assert {message: place for message, place in said.items() if message not in known} == {}
