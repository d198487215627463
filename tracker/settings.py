"""Every setting's name, and what turns its text into a value or refuses it in one sentence."""

import base64
import binascii
import difflib
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

ROOT: Final = Path(__file__).resolve().parent.parent
SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = "postgresql+psycopg://"


class SettingsError(ValueError):
    """A setting is unknown, missing or wrong; the message is one sentence that names it."""


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that looks most like this one, as an aside for a sentence; empty when none does."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" (the nearest is {near[0]})" if near else ""


def _wrong(name: str, expected: str) -> SettingsError:
    return SettingsError(f"{name} must be {expected}.")


def _text(_name: str, value: str) -> str:
    return value


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise _wrong(name, f"one of {', '.join(allowed)}, not {value!r}")
        return value

    return read


def _parts(name: str, value: str, expected: str) -> SplitResult:
    """The parts of a URL that has a usable host; what it holds is never repeated, for it may be a password."""
    try:
        parts = urlsplit(value)
        if parts.hostname and parts.port != 0 and not re.search(r"\s", value):
            return parts
    except ValueError:
        pass  # a bracket or a port that is none: refused below like any other
    raise _wrong(name, expected)


def _base_url(name: str, value: str) -> str:
    expected = "an http or https address without query, such as https://parcels.example.com"
    parts = _parts(name, value, expected)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment or parts.username is not None:
        raise _wrong(name, expected)
    return value.rstrip("/")


def _outside_url(name: str, value: str) -> str:
    expected = "an https address (http only on this machine's loopback)"
    parts = _parts(name, value, expected)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname or ""))
    if not safe or parts.username is not None or parts.fragment:
        raise _wrong(name, expected)
    return value.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database_url(name: str, value: str) -> str:
    if value in {"sqlite://", f"{SQLITE}:memory:"}:
        raise _wrong(name, "a database that outlives one connection, not SQLite in memory")
    if value.startswith(SQLITE) and len(value) > len(SQLITE):
        return f"{SQLITE}{ROOT / value.removeprefix(SQLITE)}"
    expected = f"{SQLITE}PATH or {POSTGRESQL}USER:PASSWORD@HOST/NAME"
    if value.startswith(("postgresql://", POSTGRESQL)) and urlsplit(value).path.strip("/"):
        return f"{POSTGRESQL}{value.partition('://')[2]}"
    raise _wrong(name, expected)


def _mail_url(name: str, value: str) -> str:
    expected = "smtp://USER:PASSWORD@HOST:PORT?tls=starttls, console: or file:DIR"
    if value == "console:":
        return value
    if value.startswith("file:") and len(value) > len("file:"):
        return f"file:{ROOT / value.removeprefix('file:')}"
    if _parts(name, value, expected).scheme != "smtp":
        raise _wrong(name, expected)
    return value


def _evidence_url(name: str, value: str) -> str:
    if not value.startswith("file:") or value == "file:":
        raise _wrong(name, "file:DIR")
    return f"file:{ROOT / value.removeprefix('file:')}"


def _notify_urls(name: str, value: str) -> tuple[str, ...]:
    urls = tuple(re.split(r"[\s,]+(?=[A-Za-z][\w+.-]*://)", value.strip(" ,")))
    if not all(re.fullmatch(r"[A-Za-z][\w+.-]*://\S+", url) for url in urls):
        raise _wrong(name, "channel addresses such as tgram://TOKEN/CHAT, separated by commas")
    return urls


def _timezone(name: str, value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise _wrong(name, f"a time zone such as Europe/Madrid, not {value!r}") from None


def _policy_file(name: str, value: str) -> Path:
    path = ROOT / value
    if not path.is_file():
        raise _wrong(name, f"the path of a policy file, and {value!r} is none")
    return path


def _instant(name: str, value: str) -> datetime:
    expected = f"an instant with its zone such as 2026-11-18T08:12:00+01:00, not {value!r}"
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise _wrong(name, expected) from None
    if instant.utcoffset() is None:
        raise _wrong(name, expected)
    return instant.astimezone(UTC)


def _no_broker(name: str, _value: str) -> str:
    raise _wrong(name, "empty, for the jobs of this version run in one process without a broker")


def _rate(name: str, value: str) -> str:
    try:
        good = 0 < Decimal(value) < Decimal("Infinity")
    except InvalidOperation:
        good = False
    if not good:
        raise _wrong(name, f"a number of requests a second above 0, not {value!r}")
    return value


def _signing_secret(name: str, value: str) -> str:
    try:
        good = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        good = b""
    if not good:
        raise _wrong(name, "a signing secret in base64, with or without whsec_ before it")
    return value


SETTINGS: Final[Mapping[str, tuple[str, Callable[[str, str], object]]]] = {
    "TRACKER_DATABASE_URL": ("database_url", _database_url),
    "TRACKER_BROKER_URL": ("broker_url", _no_broker),
    "TRACKER_SECRET_KEY": ("given_secret", _text),
    "TRACKER_BASE_URL": ("base_url", _base_url),
    "TRACKER_TIMEZONE": ("timezone", _timezone),
    "TRACKER_LOCALE": ("locale", _one_of("es", "en")),
    "TRACKER_MAIL_URL": ("mail_url", _mail_url),
    "TRACKER_NOTIFY_URLS": ("notify_urls", _notify_urls),
    "TRACKER_REFUNDS_MODE": ("refunds_mode", _one_of("off", "propose", "auto")),
    "TRACKER_POLICY_FILE": ("policy_file", _policy_file),
    "TRACKER_EVIDENCE_URL": ("evidence_url", _evidence_url),
    "TRACKER_NOW": ("now", _instant),
    "TRACKER_ENV": ("env", _one_of("production", "demo", "test")),
}
"""Each setting's name, the attribute that holds it, and what reads its text."""

_ACCOUNT = ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD", "API_KEY", "ACCOUNT", "ID_NUMBER")
GROUPS: Final[Mapping[str, tuple[str, Mapping[str, Callable[[str, str], str]]]]] = {
    "TRACKER_CARRIER_": ("carriers", {"BASE_URL": _outside_url, "RATE": _rate, **dict.fromkeys(_ACCOUNT, _text)}),
    "TRACKER_REFUND_": (
        "refunds",
        {
            "API_KEY": _text,
            "API_BASE": _outside_url,
            "URL": _outside_url,
            "SECRET": _signing_secret,
            "STATUS_URL": _outside_url,
        },
    ),
}
"""The settings that exist once per carrier or refund provider: prefix, attribute, and each key's reader."""


def member(name: str) -> tuple[str, str, str, Callable[[str, str], str]]:
    """Group, code, key and reader of a setting such as TRACKER_CARRIER_SEUR__BASE_URL; SettingsError for others."""
    for prefix, (group, readers) in GROUPS.items():
        code, divider, key = name.removeprefix(prefix).partition("__")
        if name.startswith(prefix) and re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)*", code) and divider:
            if key in readers:
                return group, code.lower(), key, readers[key]
            raise SettingsError(f"{name} is not a setting: after __ stands one of {', '.join(readers)}.")
    raise SettingsError(f"{name} is not a setting{nearest(name, SETTINGS)}.")
