"""Mail: composed so that no text can become a header, handed over with an id that a resend keeps."""

import re
import smtplib
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from socket import SHUT_RDWR
from threading import Timer
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

OPENED: Final = 220
PORTS: Final = {"": 25, "starttls": 587, "implicit": 465}
"""The port of a mail server by its `tls` setting, where none is named (RFC 5321, 6409, 8314)."""
MESSAGE_ID: Final = re.compile(r"<[!-;=?A-Z^-~]+@[!-;=?A-Z^-~]+>")
UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class MailRefused(Exception):
    """This message will never be taken, or not to this address: nothing was sent and trying again will not help."""


class MailUnknown(Exception):
    """The message was not taken, or nobody knows whether it was: it goes again later, under the same Message-ID."""


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
    at: datetime | None = None,
) -> EmailMessage:
    """A plain message to one address, written at an instant.

    `message_id` is `<key@domain>`, the same whenever the same message is composed again.
    Raises MailRefused for what is not exactly one address and for a subject that would forge a header.
    """
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"{message_id!r} is no Message-ID")
    if not subject.isprintable():
        raise MailRefused("a subject is one line of text")
    message = EmailMessage(policy=SMTP)
    message["To"] = _address(to)
    message["From"] = _address(sender)
    if reply_to:
        message["Reply-To"] = _address(reply_to)
    message["Subject"] = subject
    message["Message-ID"] = message_id
    if at:
        message["Date"] = format_datetime(at.astimezone(UTC))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(UNSEEN.sub("", text.replace("\r\n", "\n")), cte="quoted-printable")  # any server takes it
    if language:
        message["Content-Language"] = language  # set_content drops what begins with Content
    return message


def _address(told: str) -> Address:
    """One address, its domain in ASCII.  Raises MailRefused for none, several, or one with anything around it."""
    local, at, domain = told.rpartition("@")
    try:
        spec = f"{local}{at}{domain.encode('idna').decode()}"
        address = Address(addr_spec=spec)
        if address.addr_spec == spec and address.username and spec.isprintable():
            return address
    except (ValueError, IndexError, HeaderParseError):
        pass  # what email's own parser does not take is refused like the rest
    raise MailRefused(f"{told[:100]!r} is not one address that mail can be sent to")


def mailer(url: str, say: Callable[[str], object] = sys.stderr.write) -> Mailer:
    """The mailer that a TRACKER_MAIL_URL names: `console:`, `file:DIR` or `smtp://user:pass@host:port?tls=starttls`.

    `tls` is starttls or implicit (TLS from the first byte). Raises ValueError for another one, and for a password that
    would travel unencrypted to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "console":
        return Console(say)
    if parts.scheme == "file":
        return Folder(Path(url.removeprefix("file:")))
    tls = parse_qs(parts.query).get("tls", [""])[0]
    host, user, password = parts.hostname or "localhost", unquote(parts.username or ""), unquote(parts.password or "")
    if tls not in PORTS:
        raise ValueError(f"TRACKER_MAIL_URL must say tls=starttls or tls=implicit, not tls={tls}.")
    if user and not tls and host not in {"localhost", "127.0.0.1", "::1"}:
        raise ValueError("TRACKER_MAIL_URL must say tls=starttls or tls=implicit, for it holds a password.")
    return Smtp(host, parts.port or PORTS[tls], user, password, tls=tls)


@dataclass(frozen=True)
class Console:
    """Prints messages, for development."""

    say: Callable[[str], object]

    def send(self, message: EmailMessage) -> str:
        """Print the message as its reader will see it."""
        head = "\n".join(f"{name}: {value}" for name, value in message.items() if name in {"To", "From", "Subject"})
        self.say(f"--- mail ---\n{head}\n\n{message.get_content().strip()}\n------------\n")
        return str(message["Message-ID"])


@dataclass(frozen=True)
class Folder:
    """Writes each message into a file named by its id, so that a resend overwrites instead of doubling."""

    folder: Path

    def send(self, message: EmailMessage) -> str:
        """Write the message.  Raises MailUnknown when the disk does not take it."""
        name = sha256(str(message["Message-ID"]).encode()).hexdigest()[:24]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{name}.eml").write_bytes(message.as_bytes())
        except OSError as why:
            raise MailUnknown(f"the mail could not be written: {why}") from None
        return str(message["Message-ID"])


@dataclass(frozen=True)
class Smtp:
    """Hands messages to a mail server, one connection a message; `wait` seconds for a step, `total` for all of them.

    The login and the sender are the installation's, not the message's: when they are refused, the message is kept.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""
    wait: float = 10.0
    total: float = 20.0
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    def send(self, message: EmailMessage) -> str:
        """Hand the message over.  Raises MailRefused when it or its address is refused for good, else MailUnknown."""
        server = self._server()
        watch = Timer(self.total, _hang_up, [server])
        watch.daemon = True
        watch.start()
        try:
            self._open(server)
            _give(server, message)
        finally:
            watch.cancel()
            _leave(server)
        return str(message["Message-ID"])

    def _server(self) -> smtplib.SMTP:
        if self.tls == "implicit":
            return smtplib.SMTP_SSL(timeout=self.wait, context=self.trust)
        return smtplib.SMTP(timeout=self.wait)

    def _open(self, server: smtplib.SMTP) -> None:
        """Connect, and prove who we are.  Raises MailUnknown: none of this is about the message."""
        server._host = self.host  # type: ignore[attr-defined]  # smtplib checks the certificate against it
        try:
            code, said = server.connect(self.host, self.port)
            if code != OPENED:
                raise smtplib.SMTPConnectError(code, said)
            if self.tls == "starttls":
                server.starttls(context=self.trust)
            if self.user:
                server.login(self.user, self.password)
        except (smtplib.SMTPException, OSError) as why:
            raise MailUnknown(f"the mail server {self.host}:{self.port} cannot be used: {_told(why)}") from None


def _give(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        raise _judged(code, said) from None
    except smtplib.SMTPDataError as why:
        raise _judged(why.smtp_code, why.smtp_error) from None
    except (smtplib.SMTPException, OSError) as why:
        raise MailUnknown(f"the mail server broke off: {_told(why)}") from None


def _judged(code: int, said: bytes | str) -> Exception:
    """A 5xx about the address or the message is final (RFC 5321, 4.2.1)."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    final = 500 <= code < 600
    told = " ".join(f"{code} {text}".split())[:200]
    return MailRefused(f"the mail server refuses it: {told}") if final else MailUnknown(f"not taken now: {told}")


def _hang_up(server: smtplib.SMTP) -> None:
    """End a connection that another thread waits on."""
    with suppress(OSError):
        if server.sock:
            server.sock.shutdown(SHUT_RDWR)


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; a server that has taken the message and is rude afterwards has taken it all the same."""
    with suppress(smtplib.SMTPException, OSError):
        if server.sock:
            server.sock.settimeout(1)
        server.quit()
    server.close()


def _told(why: Exception) -> str:
    return " ".join((str(why) or type(why).__name__).split())[:200]
