"""The console in a real browser: on a phone and on a desk, without JavaScript, within the accessibility rules."""

import threading
from types import SimpleNamespace

import pytest
from werkzeug.serving import make_server

from tests.web.console import PASSWORD, Console, busy_day
from tests.web.test_pages_browser import RULES, SIZES
from tracker.store.incidents import Contact, Incident
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy

pytestmark = pytest.mark.browser

TAPPED = "button, .btn, .tabs a, .more a, select, input:not([type=hidden]):not([type=checkbox])"


@pytest.fixture
def site(sqlite_url):
    """The console on a socket of this machine, on a busy day."""
    desk = Console(sqlite_url, locale="es")
    with desk.store.begin() as session:
        busy_day(session, desk.tools)
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    ref = desk.rows(Incident)[0].ref
    yield SimpleNamespace(desk=desk, url=f"http://127.0.0.1:{server.port}", ref=ref)
    server.shutdown()
    serving.join()
    desk.close()


@pytest.fixture
def enter(browser, site):
    """A window in which a lead is in, which notes what it complains of and where it asks."""
    contexts = []

    def open_window(size="desk", **options):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale="es-ES", **options)
        contexts.append(context)
        window = context.new_page()
        window.complaints, window.asked = [], []
        window.on("console", lambda line: window.complaints.append(line.text))
        window.on("request", lambda request: window.asked.append(request.url))
        window.goto(f"{site.url}/ops/")
        window.fill("#email", "lead@shop.example")
        window.fill("#password", PASSWORD)
        window.click("main form button")
        return window

    yield open_window
    for context in contexts:
        context.close()


def pages(site):
    return {
        "the queue": "/ops/",
        "what is overdue": "/ops/?show=overdue",
        "tasks": "/ops/tasks",
        "an incident": f"/ops/incidents/{site.ref}",
        "found": "/ops/search?q=O-",
        "an unknown incident": "/ops/incidents/I999999",
        "the login": "/ops/login",
    }


@pytest.mark.parametrize("size", SIZES)
def test_every_page_keeps_the_accessibility_rules_and_fits_the_screen(site, enter, size):
    from axe_playwright_python.sync_playwright import Axe

    window, axe, faults = enter(size), Axe(), []
    for name, path in pages(site).items():
        window.goto(site.url + path)
        window.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        if window.query_selector("#contact-promised"):
            window.check("#contact-promised")
        found = axe.run(window, options={**RULES, "resultTypes": ["violations"]}).response
        assert len(found["passes"]) > 5, name
        faults += [(name, one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
        wide = window.evaluate("document.documentElement.scrollWidth")
        faults += [(name, "wider than the screen", wide)] if wide > SIZES[size][0] else []
    assert faults == []


def test_what_is_tapped_is_large_enough(site, enter):
    window, small = enter("phone"), []
    for name, path in pages(site).items():
        window.goto(site.url + path)
        boxes = window.evaluate(
            f"[...document.querySelectorAll('{TAPPED}')].filter(one => one.offsetParent)"
            ".map(one => [one.textContent.trim().slice(0, 20) || one.id, one.getBoundingClientRect().height])"
        )
        small += [(name, *box) for box in boxes if box[1] < 44]
    assert small == []


@pytest.mark.parametrize("size", SIZES)
def test_no_page_breaks_its_own_policy_or_asks_anybody_else(site, enter, size):
    window = enter(size)
    for path in pages(site).values():
        window.goto(site.url + path)
    assert [line for line in window.complaints if "404" not in line] == []
    assert {address.split("/")[2] for address in window.asked} == {site.url.split("/")[2]}


def test_every_file_that_a_page_names_is_there(site, enter):
    window, missing = enter(), []
    window.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    window.goto(f"{site.url}/ops/incidents/{site.ref}")
    window.check("#contact-promised")
    window.wait_for_load_state("networkidle")
    assert missing == []


def test_without_javascript_a_call_is_logged_with_its_promise(site, enter):
    window = enter("phone", java_script_enabled=False)
    window.click(f"[href='/ops/incidents/{site.ref}']")
    assert not window.is_visible("#contact-due_at")
    window.fill("#contact-person", "Luis")
    window.fill("#contact-outcome", "llaman mañana")
    window.check("#contact-promised")
    window.fill("#contact-due_at", "2026-11-19T14:00")
    window.click("#contact button")
    assert window.inner_text("[role=status]") == "Anotado, con la promesa."
    assert "Teléfono con Luis" in window.inner_text(".story")
    assert site.desk.rows(Contact)[-1].outcome == "llaman mañana"
    assert site.desk.rows(Promise)[-1].due_at.isoformat() == "2026-11-19T13:00:00+00:00"


def test_without_javascript_a_refused_form_comes_back_filled_in_and_open(site, enter):
    window = enter("phone", java_script_enabled=False)
    window.goto(f"{site.url}/ops/incidents/{site.ref}")
    window.click("#promise summary")
    window.fill("#promise-terms", "lo dijo Marta")
    window.fill("#promise-due_at", "")
    window.click("#promise button")
    assert "Indique el día y la hora" in window.inner_text("#promise-why")
    assert window.input_value("#promise-terms") == "lo dijo Marta"
    assert window.inner_text("[role=alert]").startswith("No ha sido posible")


def test_without_javascript_a_lead_approves_a_refund(site, enter):
    window = enter("desk", java_script_enabled=False)
    window.goto(f"{site.url}/ops/incidents/{site.ref}")
    window.click("text=Aprobar 180,00")
    assert window.inner_text("[role=status]") == "El reembolso está aprobado y sale."
    assert site.desk.rows(Remedy)[0].approver == "staff:2"


def test_the_keyboard_alone_opens_the_first_incident(site, enter):
    window = enter("desk")
    window.focus(".queue .stretched-link")
    window.keyboard.press("Enter")
    window.wait_for_url("**/ops/incidents/*")
    assert window.inner_text("h1")
