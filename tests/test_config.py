"""The settings: every default, every value, and one sentence for every mistake."""

import os
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

import config
from config import ROOT, Config, SettingsError
from tracker.settings import GROUPS, SETTINGS

LONG = "0123456789abcdef0123456789abcdef"


def test_nothing_set_gives_the_defaults_of_a_small_shop():
    assert Config.from_env({}) == Config(
        env="production",
        database_url=f"sqlite:///{ROOT}/instance/tracker.db",
        base_url="http://127.0.0.1:8000",
        timezone=ZoneInfo("Europe/Madrid"),
        locale="es",
        mail_url="console:",
        notify_urls=(),
        refunds_mode="propose",
        policy_file=None,
        evidence_url=f"file:{ROOT}/instance/evidence",
        now=None,
        given_secret=None,
        carriers={},
        refunds={},
    )


GOOD = {
    "a path from the project's root": ("DATABASE_URL", "sqlite:///a/b.db", "database_url", f"sqlite:///{ROOT}/a/b.db"),
    "an absolute path": ("DATABASE_URL", "sqlite:////srv/b.db", "database_url", "sqlite:////srv/b.db"),
    "PostgreSQL": ("DATABASE_URL", "postgresql+psycopg://u:p@h/n", "database_url", "postgresql+psycopg://u:p@h/n"),
    "PostgreSQL, no driver": ("DATABASE_URL", "postgresql://u:p@h/n", "database_url", "postgresql+psycopg://u:p@h/n"),
    "no broker": ("BROKER_URL", "", "env", "production"),
    "a base address": ("BASE_URL", "https://parcels.example.com/", "base_url", "https://parcels.example.com"),
    "a zone": ("TIMEZONE", "Atlantic/Canary", "timezone", ZoneInfo("Atlantic/Canary")),
    "a language": ("LOCALE", "en", "locale", "en"),
    "mail to a server": ("MAIL_URL", "smtp://u:p@h:25?tls=starttls", "mail_url", "smtp://u:p@h:25?tls=starttls"),
    "mail to a folder": ("MAIL_URL", "file:out", "mail_url", f"file:{ROOT}/out"),
    "two channels": ("NOTIFY_URLS", "tgram://a/b, slack://c/d,e", "notify_urls", ("tgram://a/b", "slack://c/d,e")),
    "refunds off": ("REFUNDS_MODE", "off", "refunds_mode", "off"),
    "a policy": ("POLICY_FILE", "pyproject.toml", "policy_file", ROOT / "pyproject.toml"),
    "a place for evidence": ("EVIDENCE_URL", "file:/srv/evidence", "evidence_url", "file:/srv/evidence"),
    "an instant": ("NOW", "2026-11-18T09:12:00+01:00", "now", datetime(2026, 11, 18, 8, 12, tzinfo=UTC)),
    "an instant in UTC": ("NOW", "2026-11-18T08:12:00Z", "now", datetime(2026, 11, 18, 8, 12, tzinfo=UTC)),
    "empty is not set": ("LOCALE", "", "locale", "es"),
}


@pytest.mark.parametrize(("name", "value", "attribute", "expected"), GOOD.values(), ids=GOOD)
def test_a_setting_is_read(name, value, attribute, expected):
    environ = {f"TRACKER_{name}": value} | ({"TRACKER_ENV": "test"} if name == "NOW" else {})
    assert getattr(Config.from_env(environ), attribute) == expected


def test_every_setting_has_a_case_here():
    tried = {f"TRACKER_{name}" for name, *_ in GOOD.values()} | {"TRACKER_ENV", "TRACKER_SECRET_KEY"}
    assert tried == set(SETTINGS)


BAD = {
    "an unknown name": ({"DATABSE_URL": "x"}, "is not a setting (the nearest is TRACKER_DATABASE_URL)."),
    "an unknown name left empty": ({"FOO": ""}, "is not a setting"),
    "another database": ({"DATABASE_URL": "mysql://h/n"}, "must be sqlite:///PATH or postgresql+psycopg://"),
    "a path for a URL": ({"DATABASE_URL": "tracker.db"}, "must be sqlite:///PATH or"),
    "a database without name": ({"DATABASE_URL": "postgresql+psycopg://h"}, "must be sqlite:///PATH or"),
    "a database for one connection": ({"DATABASE_URL": "sqlite:///:memory:"}, "not SQLite in memory"),
    "a broker": ({"BROKER_URL": "amqp://h"}, "must be empty"),
    "a base without scheme": ({"BASE_URL": "parcels.example.com"}, "must be an http or https address"),
    "a base with a query": ({"BASE_URL": "https://example.com/?a=1"}, "must be an http or https address"),
    "a base with a port that is none": ({"BASE_URL": "http://h:port"}, "must be an http or https address"),
    "a zone that is none": ({"TIMEZONE": "Europe/Badajoz"}, "must be a time zone such as Europe/Madrid"),
    "a zone that is a folder": ({"TIMEZONE": "Europe"}, "must be a time zone such as Europe/Madrid"),
    "a zone that climbs out": ({"TIMEZONE": "../etc/passwd"}, "must be a time zone such as Europe/Madrid"),
    "a language without texts": ({"LOCALE": "fr"}, "must be one of es, en, not 'fr'."),
    "mail by pigeon": ({"MAIL_URL": "pigeon://h"}, "must be smtp://"),
    "mail without server": ({"MAIL_URL": "smtp://"}, "must be smtp://"),
    "channels in words": ({"NOTIFY_URLS": "slack please"}, "must be channel addresses"),
    "a mode that is none": ({"REFUNDS_MODE": "yes"}, "must be one of off, propose, auto, not 'yes'."),
    "a policy that is not there": ({"POLICY_FILE": "nowhere.toml"}, "must be the path of a policy file"),
    "evidence in the clouds": ({"EVIDENCE_URL": "s3://b"}, "must be file:DIR."),
    "a frozen clock in production": ({"NOW": "2026-11-18T08:12:00Z"}, "only when TRACKER_ENV is test or demo."),
    "a naive instant": ({"ENV": "test", "NOW": "2026-11-18T08:12:00"}, "must be an instant with its zone"),
    "no instant": ({"ENV": "test", "NOW": "today"}, "must be an instant with its zone"),
    "an environment that is none": ({"ENV": "prod"}, "must be one of production, demo, test, not 'prod'."),
    "a carrier in the clear": ({"CARRIER_SEUR__BASE_URL": "http://seur.example"}, "must be an https address"),
    "a carrier at loopback's namesake": ({"CARRIER_SEUR__BASE_URL": "http://127.0.0.1.example"}, "must be an https"),
    "a carrier's unknown key": ({"CARRIER_SEUR__TOKEN": "x"}, "is not a setting: after __ stands one of BASE_URL"),
    "a carrier without key": ({"CARRIER_SEUR": "x"}, "is not a setting"),
    "a carrier in lower case": ({"CARRIER_seur__API_KEY": "x"}, "is not a setting"),
    "a rate of nothing": ({"CARRIER_SEUR__RATE": "0"}, "must be a number of requests a second above 0"),
    "a rate in words": ({"CARRIER_SEUR__RATE": "fast"}, "must be a number of requests a second above 0"),
    "a rate that is no number": ({"CARRIER_SEUR__RATE": "nan"}, "must be a number of requests a second above 0"),
    "a refund in the clear": ({"REFUND_WEBHOOK__URL": "http://shop.example"}, "must be an https address"),
    "a secret that signs nothing": ({"REFUND_WEBHOOK__SECRET": "hush!"}, "must be a signing secret in base64"),
}


@pytest.mark.parametrize(("given", "sentence"), BAD.values(), ids=BAD)
def test_a_mistake_is_named_in_one_sentence(given, sentence):
    with pytest.raises(SettingsError) as refusal:
        Config.from_env({f"TRACKER_{name}": value for name, value in given.items()})
    told = str(refusal.value)
    assert sentence in told
    assert told.startswith("TRACKER_")
    assert told.split(maxsplit=1)[0].removeprefix("TRACKER_") in given
    assert re.fullmatch(r"[^\n]+\.", told)


SECRETS = {
    "DATABASE_URL": "mysql://me:hunter2@h/n",
    "MAIL_URL": "pigeon://me:hunter2@h",
    "NOTIFY_URLS": "hunter2",
    "CARRIER_SEUR__BASE_URL": "http://me:hunter2@h",
    "REFUND_WEBHOOK__SECRET": "hunter2!",
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_refusal_repeats_no_password(name):
    with pytest.raises(SettingsError) as refusal:
        Config.from_env({f"TRACKER_{name}": SECRETS[name]})
    assert "hunter2" not in str(refusal.value)


def test_what_may_hold_a_password_is_not_printed():
    full = Config.from_env(
        {
            "TRACKER_DATABASE_URL": "postgresql://me:hunter2@h/n",
            "TRACKER_MAIL_URL": "smtp://me:hunter2@h",
            "TRACKER_NOTIFY_URLS": "tgram://hunter2/1",
            "TRACKER_SECRET_KEY": "hunter2" * 5,
            "TRACKER_CARRIER_SEUR__PASSWORD": "hunter2",
            "TRACKER_REFUND_WEBHOOK__SECRET": "whsec_aHVudGVyMg==",
        }
    )
    assert "hunter2" not in repr(full)
    assert "aHVudGVyMg" not in repr(full)


def test_carriers_and_refund_providers_are_grouped_by_code():
    settings = Config.from_env(
        {
            "TRACKER_CARRIER_SEUR__BASE_URL": "http://127.0.0.1:9009/",
            "TRACKER_CARRIER_SEUR__USERNAME": "me",
            "TRACKER_CARRIER_CORREOS_EXPRESS__RATE": "0.5",
            "TRACKER_CARRIER_17TRACK__API_KEY": "",
            "TRACKER_REFUND_WEBHOOK__URL": "https://shop.example/refunds",
            "TRACKER_REFUND_WEBHOOK__STATUS_URL": "http://[::1]:1/status",
        }
    )
    assert settings.carriers == {
        "seur": {"BASE_URL": "http://127.0.0.1:9009", "USERNAME": "me"},
        "correos_express": {"RATE": "0.5"},
    }
    assert settings.refunds == {
        "webhook": {"URL": "https://shop.example/refunds", "STATUS_URL": "http://[::1]:1/status"}
    }


def test_every_key_of_the_contract_exists():
    account = {"CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD", "API_KEY", "ACCOUNT", "ID_NUMBER"}
    assert set(GROUPS["TRACKER_CARRIER_"][1]) == account | {"BASE_URL", "RATE"}
    assert set(GROUPS["TRACKER_REFUND_"][1]) == {"API_KEY", "API_BASE", "URL", "SECRET", "STATUS_URL"}


def test_a_carrier_or_provider_that_we_do_not_have_is_refused_by_name():
    settings = Config.from_env({"TRACKER_CARRIER_SUER__API_KEY": "x"})
    with pytest.raises(SettingsError, match=r"^TRACKER_CARRIER_SUER__API_KEY names no carrier .*nearest is seur\)\.$"):
        settings.refuse_unknown(carriers=["seur", "dhl_unified"], providers=["webhook"])
    paying = Config.from_env({"TRACKER_REFUND_PIGGY__API_KEY": "x"})
    with pytest.raises(SettingsError, match=r"^TRACKER_REFUND_PIGGY__API_KEY names no refund provider"):
        paying.refuse_unknown(carriers=["seur"], providers=["webhook"])
    Config.from_env({"TRACKER_CARRIER_SEUR__API_KEY": "x"}).refuse_unknown(["seur"], ["webhook"])


KEYS = {
    "none in production": ({}, None),
    "a short one in production": ({"TRACKER_SECRET_KEY": LONG[:31]}, None),
    "32 bytes in production": ({"TRACKER_SECRET_KEY": LONG}, LONG),
    "16 letters of two bytes": ({"TRACKER_SECRET_KEY": "ñ" * 16}, "ñ" * 16),
    "the published one in production": ({"TRACKER_SECRET_KEY": config.DEVELOPMENT_KEY}, None),
    "none in the demo": ({"TRACKER_ENV": "demo"}, config.DEVELOPMENT_KEY),
    "none in a test": ({"TRACKER_ENV": "test"}, config.DEVELOPMENT_KEY),
    "one's own in the demo": ({"TRACKER_ENV": "demo", "TRACKER_SECRET_KEY": LONG}, LONG),
}


@pytest.mark.parametrize(("environ", "key"), KEYS.values(), ids=KEYS)
def test_the_web_gets_a_good_key_or_a_refusal(environ, key):
    settings = Config.from_env(environ)
    assert settings.secret_key == key
    if key is None:
        with pytest.raises(SettingsError, match=r"^TRACKER_SECRET_KEY must be set to a secret of 32 bytes"):
            settings.require_secret_key()
    else:
        assert settings.require_secret_key() == key


def test_names_of_the_tests_and_of_others_are_let_be():
    assert Config.from_env({"TRACKER_TEST_DATABASE_URL": "x", "PATH": "/bin", "TRACKERS": "1"}) == Config()


def test_the_object_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Config().locale = "en"


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("TRACKER_LOCALE=en\nTRACKER_TIMEZONE='Europe/Lisbon'\nTRACKER_NOW\n")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    monkeypatch.setenv("TRACKER_TIMEZONE", "Europe/Paris")
    settings = Config.from_env()
    assert (settings.locale, settings.timezone) == ("en", ZoneInfo("Europe/Paris"))


def test_importing_the_settings_reads_nothing():
    environ = {**os.environ, "TRACKER_NONSENSE": "1"}
    subprocess.run([sys.executable, "-c", "import config"], env=environ, cwd=ROOT, check=True)
