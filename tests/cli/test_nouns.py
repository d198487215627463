"""The command line: the answer on stdout alone, mistakes in one sentence on stderr with exit 2, never a traceback."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from config import Config
from tests import make
from tracker.app import create_app
from tracker.cli import register
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.promises import Action, Party
from tracker.steps.refunds import propose
from tracker.store import promises
from tracker.store.depots import Depot
from tracker.store.incidents import Incident
from tracker.store.people import ApiKey, User
from tracker.store.shipments import Order, Shipment

NOON = make.NOON
ROOT = Path(__file__).resolve().parent.parent.parent
LINE_KEYS = [
    "ref", "number", "carrier", "kind", "state", "level", "opened_at", "next_due_at", "promise_state", "refund_state",
]  # fmt: skip


class Cli:
    """`flask …` on a fresh database at noon."""

    def __init__(self, url):
        self.store = make.store(url)
        self.tools = make.tools(self.store)
        app = create_app(Config(env="test"), clock=lambda: NOON, tools=self.tools)
        if "shipments" not in app.cli.commands:
            register(app)
        self._runner = app.test_cli_runner()

    def __call__(self, *words, stdin=None):
        return self._runner.invoke(args=[str(word) for word in words], input=stdin)

    def rows(self, model):
        with self.store.read() as session:
            return session.scalars(sa.select(model).order_by(model.id)).all()


@pytest.fixture
def cli(sqlite_url):
    made = Cli(sqlite_url)
    yield made
    made.store.close()


def mistake(answer, *words):
    """One sentence on stderr, nothing on stdout, exit 2."""
    assert (answer.exit_code, answer.stdout) == (2, ""), answer.output
    (sentence,) = answer.stderr.splitlines()
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")


# --- shipments --------------------------------------------------------------------------------------------------------


def test_a_shipment_is_added_once_and_due_at_once(cli):
    words = ("shipments", "add", "0070", "--carrier", "seur", "--postcode", "06001", "--amount", "180.00")
    first, second = cli(*words), cli(*words)
    assert (first.exit_code, first.stdout) == (0, "seur 0070 is followed from now on.\n")
    assert (second.exit_code, second.stdout) == (0, "seur 0070 is known already.\n")
    (shipment,) = cli.rows(Shipment)
    assert (shipment.wake_at, shipment.postcode) == (NOON, "06001")
    assert cli.rows(Order)[0].paid_minor == 18000


def test_the_number_may_be_an_option(cli):
    assert cli("shipments", "add", "--number", "7", "--carrier", "seur").exit_code == 0


BAD_ADDS = {
    "a carrier that nobody knows": (["1", "--carrier", "acme"], "carrier must be one of dhl_unified, seur"),
    "no carrier": (["1"], "carrier is missing"),
    "no number": (["--carrier", "seur"], "number is missing"),
    "a time without a zone": (["1", "--carrier", "seur", "--promised-at", "2026-11-20T10:00"], "promised_at"),
    "a depot that is not known": (["1", "--carrier", "seur", "--depot", "99"], "depot 99 of seur is not known"),
}


@pytest.mark.parametrize(("words", "why"), BAD_ADDS.values(), ids=BAD_ADDS)
def test_a_shipment_that_cannot_be_added_is_one_sentence(cli, words, why):
    mistake(cli("shipments", "add", *words), why)
    assert cli.rows(Shipment) == []


def test_a_file_is_imported_and_its_bad_rows_are_told(cli, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text("number,carrier,colour\n1,seur,red\n2,acme,blue\n")
    dry = cli("shipments", "import", file, "--dry-run")
    assert dry.stdout == "1 new would be followed, 0 known already, 1 refused.\n"
    assert cli.rows(Shipment) == []
    wet = cli("shipments", "import", file)
    assert (wet.exit_code, wet.stdout) == (2, "1 new followed, 0 known already, 1 refused.\n")
    assert wet.stderr.splitlines() == [
        "The column colour is not known and was not read.",
        "line 3: carrier must be one of dhl_unified, seur, not 'acme'.",
        "1 of 2 rows were refused.",
    ]
    file.write_text("number,carrier\n1,seur\n")
    assert (cli("shipments", "import", file).exit_code, len(cli.rows(Shipment))) == (0, 1)


def test_a_file_that_is_not_utf_8_takes_nothing_in(cli, tmp_path):
    file = tmp_path / "in.csv"
    file.write_bytes("number,carrier,customer_name\n1,seur,Ana\n2,seur,Peña\n".encode("latin-1"))
    mistake(cli("shipments", "import", file), "line 3 is not UTF-8")
    assert cli.rows(Shipment) == []


def test_a_file_that_is_not_there_is_one_exit_2(cli, tmp_path):
    answer = cli("shipments", "import", tmp_path / "none.csv")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "does not exist" in answer.stderr


def test_a_long_import_in_a_pipe_tells_how_far_it_is_in_plain_lines(cli, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text("number,carrier\n" + "1,seur\n" * 5_500)
    answer = cli("shipments", "import", file)
    assert answer.stderr == "5000 rows read.\n"
    assert answer.stdout == "1 new followed, 5499 known already, 0 refused.\n"


def test_a_shipment_is_shown_with_its_events(cli):
    with cli.store.begin() as session:
        row = make.shipment(session, number="0070", exception=ExceptionCode.LOST)
        make.event(session, row, NOON, stage=Stage.IN_TRANSIT, exception=ExceptionCode.LOST, text="EXTRAVIADA")
        make.incident(session, row, ref="I000007")
    told = json.loads(cli("shipments", "show", " 0070 ", "--json").stdout)
    assert (told["carrier"], told["number"], told["exception"]) == ("seur", "0070", "lost")
    assert (told["incident"], told["amount"]) == ("I000007", "180.00")
    assert [(event["occurred_at"], event["exception"]) for event in told["events"]] == [
        ("2026-11-18T12:00:00+01:00", "lost")
    ]
    plain = cli("shipments", "show", "0070").stdout
    assert "2026-11-18T12:00:00+01:00  in_transit/lost" in plain
    assert "EXTRAVIADA (Mérida)" in plain
    mistake(cli("shipments", "show", "70"), "No shipment has the number 70")


# --- depots -----------------------------------------------------------------------------------------------------------


def test_depots_are_imported(cli, tmp_path):
    file = tmp_path / "depots.csv"
    file.write_text("carrier,code,hours\nseur,06,Mo-Fr 09:00-14:00\nseur,desk,\nseur,10,whenever\n")
    answer = cli("depots", "import", file)
    assert (answer.exit_code, answer.stdout) == (2, "2 new taken in, 0 known already, 1 refused.\n")
    assert answer.stderr.startswith("line 4: hours is not usable: the opening hours 'whenever")
    assert [row.code for row in cli.rows(Depot)] == ["06", "desk"]


# --- incidents --------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(cli):
    """Three incidents: one overdue with a promise and a refund, one due tomorrow, one with nothing due."""
    with cli.store.begin() as session:
        order = make.order(session)
        shipments = [make.shipment(session, order_id=order.id, value_minor=1000 * (n + 1)) for n in range(3)]
        idle, later, late = (make.incident(session, row) for row in shipments)
        make.promise(session, later, NOON + make.DAY)
        make.promise(session, late, NOON, now=NOON - make.DAY)
        propose(session, cli.tools, NOON, late, make.JOB)
        return {"idle": idle.ref, "later": later.ref, "late": late.ref}


def test_the_queue_is_sorted_by_what_is_due_next(cli, queue):
    lines = [json.loads(line) for line in cli("incidents", "list", "--json").stdout.splitlines()]
    assert [line["ref"] for line in lines] == [queue["late"], queue["later"], queue["idle"]]
    assert [list(line) for line in lines] == [LINE_KEYS] * 3
    assert lines[0] | {"number": ""} == {
        "ref": queue["late"],
        "number": "",
        "carrier": "seur",
        "kind": "damaged_or_lost",
        "state": "open",
        "level": 0,
        "opened_at": "2026-11-18T12:00:00+01:00",
        "next_due_at": "2026-11-18T12:00:00+01:00",
        "promise_state": "made",
        "refund_state": "requested",
    }
    assert lines[2]["next_due_at"] is None


def test_only_what_is_overdue_is_listed_on_request(cli, queue):
    (line,) = cli("incidents", "list", "--overdue", "--json").stdout.splitlines()
    assert json.loads(line)["ref"] == queue["late"]


def test_the_plain_queue_lines_up(cli, queue):
    header, *lines = cli("incidents", "list").stdout.splitlines()
    assert header.split() == LINE_KEYS
    assert len(lines) == 3
    assert {line.index("seur") for line in lines} == {header.index("carrier")}


def test_an_empty_queue_says_so_to_people_and_nothing_to_programs(cli):
    assert cli("incidents", "list").stdout == "No incident is open.\n"
    assert cli("incidents", "list", "--json").stdout == ""


def test_an_incident_is_shown_with_what_is_owed_and_its_story(cli, queue):
    told = cli("incidents", "show", queue["late"].lower()).stdout
    assert "depot owes customer: call by 2026-11-18T12:00:00+01:00 (agreed), made" in told
    assert f"refund {queue['late']}-refund-1: 30.00 EUR, requested" in told
    assert "task approve: by " in told
    assert "story" in told
    mistake(cli("incidents", "show", "I999999"), "No incident has the reference I999999")


def test_policy_explains_every_version_of_every_promise(cli, queue):
    with cli.store.begin() as session:
        incident = session.scalars(sa.select(Incident).where(Incident.ref == queue["later"])).one()
        promise = promises.open_promise(session, incident.id, Action.CALL, Party.DEPOT)
        promises.renegotiate(
            session, promise, NOON, make.JOB, due_at=NOON + 2 * make.DAY, reason="they asked for a day", wake_at=NOON,
            trace="Thu 19: open 09:00-14:00\nFri 20: due 12:00",
        )  # fmt: skip
    told = cli("policy", "explain", queue["later"]).stdout.splitlines()
    assert told[0] == f"{queue['later']} follows policy standard, version 1."
    assert told[1].endswith("depot owes customer: call (agreed, made)")
    assert told[2:] == [
        "  version 1, due 2026-11-19T12:00:00+01:00",
        "  version 2, due 2026-11-20T12:00:00+01:00: they asked for a day",
        "    Thu 19: open 09:00-14:00",
        "    Fri 20: due 12:00",
    ]
    assert cli("policy", "explain", queue["idle"]).stdout.endswith("Nobody has promised anything yet.\n")
    mistake(cli("policy", "explain", "I999999"), "No incident")


# --- people and keys --------------------------------------------------------------------------------------------------


def test_the_first_user_is_admin_and_gets_a_password_that_is_printed_once(cli):
    answer = cli("users", "add", "Ana@Shop.example")
    (user,) = cli.rows(User)
    assert (answer.exit_code, user.email, user.role, user.active) == (0, "ana@shop.example", "admin", True)
    assert PasswordHasher().verify(user.password_hash, answer.stdout.strip())
    assert len(answer.stdout.strip()) >= 43
    cli("users", "add", "eva@shop.example")
    first, second = cli.rows(User)
    assert second.role == "agent"
    assert first.session_token != second.session_token
    mistake(cli("users", "add", "ANA@shop.example"), "ana@shop.example is in already")


def test_a_password_may_come_by_stdin_and_is_not_printed(cli):
    answer = cli("users", "add", "ana@shop.example", "--role", "lead", "--password-stdin", stdin="ñandú corre lejos\n")
    assert answer.stdout == "ana@shop.example may come in as lead.\n"
    assert PasswordHasher().verify(cli.rows(User)[0].password_hash, "ñandú corre lejos")


BAD_USERS = {
    "no address": (["ana"], "", "no mail address"),
    "a short password": (["ana@shop.example", "--password-stdin"], "eleven char\n", "12 characters"),
    "an endless password": (["ana@shop.example", "--password-stdin"], "x" * 1025, "1024 bytes"),
}


@pytest.mark.parametrize(("words", "stdin", "why"), BAD_USERS.values(), ids=BAD_USERS)
def test_a_user_that_cannot_be_added_is_one_sentence(cli, words, stdin, why):
    mistake(cli("users", "add", *words, stdin=stdin), why)
    assert cli.rows(User) == []


def test_a_key_is_printed_once_and_its_hash_is_stored(cli):
    answer = cli("apikeys", "add", "shop")
    (key,) = cli.rows(ApiKey)
    assert key.key_hash == sha256(answer.stdout.strip().encode()).digest()
    mistake(cli("apikeys", "add", "shop"), "an API key named shop exists already")
    mistake(cli("apikeys", "add", "x" * 65), "1 to 64 characters")


# --- as a user types it -----------------------------------------------------------------------------------------------


def flask(url, *words):
    env = {**os.environ, "TRACKER_DATABASE_URL": url, "TRACKER_ENV": "test"}
    command = [sys.executable, "-m", "flask", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_flask_itself_finds_the_commands(sqlite_url):
    added = flask(sqlite_url, "shipments", "add", "0070", "--carrier", "seur")
    assert (added.returncode, added.stdout) == (0, "seur 0070 is followed from now on.\n")
    shown = flask(sqlite_url, "shipments", "show", "0070", "--json")
    assert json.loads(shown.stdout)["number"] == "0070"
    refused = flask(sqlite_url, "shipments", "show", "1")
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", "No shipment has the number 1.\n")


def test_a_database_without_tables_is_one_sentence(tmp_path):
    refused = flask(f"sqlite:///{tmp_path}/empty.db", "incidents", "list")
    assert (refused.returncode, refused.stdout) == (2, "")
    (sentence,) = refused.stderr.splitlines()
    assert "flask db upgrade" in sentence
