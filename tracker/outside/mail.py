"""Mail: composed so that no text can become a header, handed over once, with an id that a resend keeps."""

import smtplib
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT: Final = 15.0
"""Seconds for one hand-over step; a lease lasts longer than all of them together."""


class MailRefused(Exception):
    """The server says that it will never take this message (5xx, a bad address): nothing was sent."""


class MailUnknown(Exception):
    """The server could not be reached or broke off: whether the message was taken is unknown, so it goes again."""


class Mailer(Protocol):
    """Whoever takes a message."""

    def send(self, message: EmailMessage) -> str:
        """Hand a message over and return its Message-ID.  Raises MailRefused or MailUnknown."""


def compose(
    *,
    to: str,
    subject: str,
    text: str,
    message_id: str,
    sender: str,
    reply_to: str | None = None,
    language: str | None = None,
) -> EmailMessage:
    """A plain message to one address.  Raises MailRefused for an address or subject that would forge a header."""
    if "\n" in subject or "\r" in subject:
        raise MailRefused("a subject must be one line")
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = Address(addr_spec=to)
        message["From"] = Address(addr_spec=sender)
        if reply_to:
            message["Reply-To"] = Address(addr_spec=reply_to)
        message["Subject"] = subject
        message["Message-ID"] = message_id
    except (ValueError, IndexError) as error:
        raise MailRefused(f"{to!r} is not an address that mail can be sent to: {error}") from None
    message["Auto-Submitted"] = "auto-generated"
    if language:
        message["Content-Language"] = language
    message.set_content(text)
    return message


def mailer(url: str, say: Callable[[str], object] = sys.stderr.write) -> Mailer:
    """The mailer that a TRACKER_MAIL_URL names: `console:`, `file:DIR` or `smtp://user:pass@host:port?tls=starttls`."""
    parts = urlsplit(url)
    if parts.scheme == "console":
        return Console(say)
    if parts.scheme == "file":
        return Folder(Path(parts.path or url.removeprefix("file:")))
    tls = parse_qs(parts.query).get("tls", ["none"])[0]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Smtp(parts.hostname or "localhost", parts.port or 25, user, password, starttls=tls == "starttls")


@dataclass(frozen=True)
class Console:
    """Prints messages, for development."""

    say: Callable[[str], object]

    def send(self, message: EmailMessage) -> str:
        """Print the message."""
        self.say(f"--- mail ---\n{message.as_string().strip()}\n------------\n")
        return str(message["Message-ID"])


@dataclass(frozen=True)
class Folder:
    """Writes each message into a file named by its id, so that a resend overwrites instead of doubling."""

    folder: Path

    def send(self, message: EmailMessage) -> str:
        """Write the message."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = sha256(str(message["Message-ID"]).encode()).hexdigest()[:24]
        (self.folder / f"{name}.eml").write_bytes(message.as_bytes())
        return str(message["Message-ID"])


@dataclass(frozen=True)
class Smtp:
    """Hands messages to a mail server."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    starttls: bool = False
    timeout: float = TIMEOUT

    def send(self, message: EmailMessage) -> str:
        """Hand the message over; one connection a message."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code, said = next(iter(refused.recipients.values()))
            raise _judged(code, said) from None
        except smtplib.SMTPResponseException as error:
            raise _judged(error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnknown(f"{self.host}:{self.port} did not take the mail: {error}") from None
        return str(message["Message-ID"])


def _judged(code: int, said: bytes | str) -> Exception:
    """A 5xx is final, but for a login that was refused: that is our setting's fault, not the message's."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    if 500 <= code < 600 and code not in {530, 534, 535, 538}:
        return MailRefused(f"the mail server refuses it for good: {code} {text}")
    return MailUnknown(f"the mail server does not take it now: {code} {text}")
