"""The settings, read once from the environment into one frozen object."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from tracker.settings import ROOT, SETTINGS, SQLITE, SettingsError, member, nearest

__all__ = ["ROOT", "Config", "SettingsError"]

DEVELOPMENT_KEY: Final = "for demo and test only: everybody knows this key"
SECRET_BYTES: Final = 32

Environ = Mapping[str, str]
Group = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting; `carriers` and `refunds` map a lower-case code to its keys and values.

    What may hold a password is left out of the printed form.
    """

    env: str = "production"
    database_url: str = field(default=f"{SQLITE}{ROOT}/instance/tracker.db", repr=False)
    base_url: str = "http://127.0.0.1:8000"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Madrid"))
    locale: str = "es"
    mail_url: str = field(default="console:", repr=False)
    notify_urls: tuple[str, ...] = field(default=(), repr=False)
    refunds_mode: str = "propose"
    policy_file: Path | None = None
    evidence_url: str = f"file:{ROOT}/instance/evidence"
    now: datetime | None = None
    given_secret: str | None = field(default=None, repr=False)
    carriers: Group = field(default_factory=dict, repr=False)
    refunds: Group = field(default_factory=dict, repr=False)

    @classmethod
    def from_env(cls, environ: Environ | None = None) -> Self:
        """The settings in `environ`: by default the process's own, over those of a `.env` file in the project.

        An empty value counts as not set. Raises SettingsError at the first unknown name or wrong value.
        """
        given = _surroundings() if environ is None else environ
        values: dict[str, object] = {}
        groups: dict[str, dict[str, dict[str, str]]] = {"carriers": {}, "refunds": {}}
        for name in sorted(name for name in given if _ours(name)):
            if setting := SETTINGS.get(name):
                if given[name]:
                    values[setting[0]] = setting[1](name, given[name])
                continue
            group, code, key, read = member(name)
            if given[name]:
                groups[group].setdefault(code, {})[key] = read(name, given[name])
        config = cls(**groups, **values)  # type: ignore[arg-type]  # SETTINGS pairs each attribute with its reader
        if config.now and config.env == "production":
            raise SettingsError("TRACKER_NOW may be set only when TRACKER_ENV is test or demo.")
        return config

    @property
    def secret_key(self) -> str | None:
        """The key that signs cookies: in production one of at least 32 bytes or None, elsewhere never None."""
        if self.env != "production":
            return self.given_secret or DEVELOPMENT_KEY
        if self.given_secret in (None, DEVELOPMENT_KEY) or len(self.given_secret.encode()) < SECRET_BYTES:
            return None
        return self.given_secret

    def require_secret_key(self) -> str:
        """The key that signs cookies; SettingsError where the web must not serve for want of a good one."""
        if key := self.secret_key:
            return key
        raise SettingsError(
            f"TRACKER_SECRET_KEY must be set to a secret of {SECRET_BYTES} bytes or more before the web serves."
        )

    def refuse_unknown(self, carriers: Collection[str], providers: Collection[str]) -> None:
        """SettingsError when settings speak of a carrier or refund provider that is not among the codes given."""
        for noun, prefix, found, known in (
            ("carrier", "TRACKER_CARRIER_", self.carriers, carriers),
            ("refund provider", "TRACKER_REFUND_", self.refunds, providers),
        ):
            for code in sorted(set(found) - set(known)):
                name = f"{prefix}{code.upper()}__{min(found[code])}"
                raise SettingsError(f"{name} names no {noun} of this program{nearest(code, known)}.")


def _ours(name: str) -> bool:
    return name.startswith("TRACKER_") and not name.startswith("TRACKER_TEST_")


def _surroundings() -> Environ:
    return {**{name: value or "" for name, value in dotenv_values(ROOT / ".env").items()}, **os.environ}
