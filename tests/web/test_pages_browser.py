"""The public pages in a real browser: on a phone and on a desk, without JavaScript, within the accessibility rules."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from werkzeug.serving import make_server

from tests import make
from tests.web.faces import Faces
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Kind, Outcome, State
from tracker.domain.promises import Action, Party
from tracker.store.links import Purpose

pytestmark = pytest.mark.browser

HOUR = timedelta(hours=1)
NOON = make.NOON
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def site(sqlite_url):
    """The application on a socket of this machine, with the addresses of one page of each sort."""
    faces = Faces(sqlite_url)
    server = make_server("127.0.0.1", 0, faces.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield SimpleNamespace(faces=faces, url=f"http://127.0.0.1:{server.port}", pages=pages(faces))
    server.shutdown()
    serving.join()
    faces.close()


def pages(faces):
    """The address of one page of each sort."""
    with faces.store.begin() as session:
        shipment, incident, depot = trouble(session, NOON - HOUR / 2)
        calm = make.shipment(session, stage=Stage.OUT_FOR_DELIVERY)
        over, closed, _ = trouble(session, NOON)
        closed.state, closed.outcome, closed.resolved_at = State.RESOLVED, Outcome.DELIVERED, NOON
        mailed = link(session, "/p", Purpose.CUSTOMER, shipment)
        of = {"incident_id": incident.id, "depot_id": depot.id}
        return {
            "start": "/",
            "parcel": mailed,
            "question": f"{mailed}/call",
            "status": link(session, "/p", Purpose.STATUS, shipment),
            "calm": link(session, "/p", Purpose.CUSTOMER, calm),
            "all well": link(session, "/p", Purpose.CUSTOMER, over),
            "depot": link(session, "/d", Purpose.DEPOT, shipment, **of),
            "unknown link": "/p/nothing",
        }


def link(session, prefix, purpose, shipment, **of):
    return f"{prefix}/{make.token(session, purpose, shipment_id=shipment.id, **of)}"


def trouble(session, call_due):
    depot = make.depot(session)
    shipment = make.shipment(session, depot_id=depot.id, marketplace_eta=NOON + 9 * make.DAY)
    make.event(session, shipment, NOON - 4 * make.DAY)
    make.event(session, shipment, NOON - HOUR, text="DAÑO O PÉRDIDA", exception=ExceptionCode.DAMAGED_OR_LOST)
    incident = make.incident(session, shipment, now=NOON - HOUR, kind=Kind.DAMAGED_OR_LOST)
    make.promise(session, incident, call_due, now=NOON - HOUR)
    make.promise(session, incident, NOON + 3 * make.DAY, action=Action.REFUND, performer=Party.MERCHANT)
    incident.remedy_at = NOON + 3 * make.DAY
    return shipment, incident, depot


@pytest.fixture
def visit(browser, site):
    """Open a window and note what it complains of and where it asks."""
    contexts = []

    def open_window(size="phone", **options):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale="es-ES", **options)
        contexts.append(context)
        window = context.new_page()
        window.complaints, window.asked = [], []
        window.on("console", lambda line: window.complaints.append(line.text))
        window.on("request", lambda request: window.asked.append(request.url))
        return window

    yield open_window
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_keeps_the_accessibility_rules_and_fits_the_screen(site, visit, size):
    from axe_playwright_python.sync_playwright import Axe

    window, axe, faults = visit(size), Axe(), []
    for name, path in site.pages.items():
        window.goto(site.url + path)
        found = axe.run(window, options={**RULES, "resultTypes": ["violations"]}).response
        assert len(found["passes"]) > 5, name
        faults += [(name, one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
        wide = window.evaluate("document.documentElement.scrollWidth")
        faults += [(name, "wider than the screen", wide)] if wide > SIZES[size][0] else []
    assert faults == []


def test_what_is_tapped_on_a_phone_is_large_enough(site, visit):
    window, small = visit("phone"), []
    for name, path in site.pages.items():
        window.goto(site.url + path)
        boxes = window.evaluate(
            "[...document.querySelectorAll('button, .btn, input:not([type=hidden]):not([type=radio]), .rate label')]"
            ".map(one => [one.textContent.trim() || one.id, one.getBoundingClientRect().height])"
        )
        small += [(name, *box) for box in boxes if box[1] < 44]
    assert small == []


@pytest.mark.parametrize("size", SIZES)
def test_no_page_breaks_its_own_policy_or_asks_anybody_else(site, visit, size):
    window = visit(size)
    for path in site.pages.values():
        window.goto(site.url + path)
    assert [line for line in window.complaints if "404" not in line] == []
    assert {address.split("/")[2] for address in window.asked} == {site.url.split("/")[2]}


def test_without_javascript_a_customer_finds_his_parcel(site, visit):
    with site.faces.store.begin() as session:
        number = make.shipment(session, stage=Stage.OUT_FOR_DELIVERY).number
    window = visit(java_script_enabled=False)
    window.goto(f"{site.url}/")
    window.fill("#number", number)
    window.fill("#postcode", "06001")
    window.click("form button")
    assert "/p/" in window.url
    assert window.inner_text("h1") == "Su paquete está en reparto."
    assert window.inner_text("[aria-current=step]") == "En reparto"


def test_without_javascript_one_tap_says_that_nobody_called(site, visit):
    window = visit(java_script_enabled=False)
    window.goto(site.url + site.pages["question"])
    window.click("text=No, nadie ha llamado")
    assert window.inner_text("[role=status]").startswith("Gracias.")
    assert "La llamada prometida no ha llegado." in window.inner_text(".story")


def test_without_javascript_a_customer_chooses_to_wait(site, visit):
    window = visit(java_script_enabled=False)
    window.goto(site.url + site.pages["parcel"])
    window.fill("#until", "2026-12-01")
    window.click("text=Espero hasta entonces")
    assert "Ha elegido esperar." in window.inner_text("#choice")
    assert "mar 1 dic, 18:00" in window.inner_text(".card-next")


def test_without_javascript_a_depot_answers_with_one_tap(site, visit):
    window = visit(java_script_enabled=False)
    window.goto(site.url + site.pages["depot"])
    window.click("text=Roto en el transporte")
    assert "Vale su respuesta: roto en el transporte" in window.inner_text("#said")


def test_without_javascript_a_depot_reports_its_call_with_the_time_that_is_filled_in(site, visit):
    window = visit(java_script_enabled=False)
    window.goto(site.url + site.pages["depot"])
    assert window.input_value("#called-at") == "2026-11-18T12:00"
    window.click("text=He llamado >> nth=-1")
    assert "Vale su respuesta: llamado: mié 18 nov, 12:00" in window.inner_text("#said")


def test_without_javascript_a_customer_rates_and_says_that_all_is_well(site, visit):
    window = visit(java_script_enabled=False)
    window.goto(site.url + site.pages["all well"])
    window.click("label[for=rate-4]")
    assert window.is_checked("#rate-4")
    window.click("text=Sí, todo bien")
    assert window.inner_text("[role=status]") == "Gracias por decírnoslo."
