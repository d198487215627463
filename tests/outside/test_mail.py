"""Mail, handed to real servers on loopback: composed safely, sent once, refused or unknown told apart."""

import email.policy
import ssl
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tests.outside.loopback import CERTIFICATE, Behaviour, dripping, serving
from tracker.outside.mail import Console, Folder, MailRefused, MailUnknown, Smtp, compose, mailer

TRUST = ssl.create_default_context(cafile=CERTIFICATE)
PLAIN = {
    "to": "cliente@correo.example",
    "subject": "Su paquete: novedades",
    "text": "Hola, año nuevo.\n.\nAdiós",
    "message_id": "<promise.12.v1@tienda.example>",
    "sender": "tracker@tienda.example",
}


def letter(**other):
    return compose(**{**PLAIN, **other})


# --- composing --------------------------------------------------------------------------------------------------------


def test_a_message_says_who_what_when_and_that_nobody_wrote_it():
    at = datetime(2026, 11, 18, 8, 12, tzinfo=UTC)
    message = letter(language="es", reply_to="ayuda@tienda.example", at=at)
    assert dict(message.items()) == {
        "To": "cliente@correo.example",
        "From": "tracker@tienda.example",
        "Reply-To": "ayuda@tienda.example",
        "Subject": "Su paquete: novedades",
        "Message-ID": "<promise.12.v1@tienda.example>",
        "Date": "Wed, 18 Nov 2026 08:12:00 +0000",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "es",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "MIME-Version": "1.0",
    }


@pytest.mark.parametrize("length", [1, 60, 120, 200])
def test_a_message_id_of_any_length_stays_as_it_is(length):
    message_id = f"<{'incident.7:ep1'.replace(':', '.') + 'x' * length}@tienda.example>"
    sent = letter(message_id=message_id).as_bytes()
    assert message_from_bytes(sent)["Message-ID"].strip() == message_id
    assert b"=?" not in sent


ADDRESSES = {
    "two addresses": "a@x.example, b@x.example",
    "two addresses without a blank": "a@x.example,b@x.example",
    "a semicolon": "a@x.example;b@x.example",
    "another header": "a@x.example\r\nBcc: b@x.example",
    "a line feed": "a@x.example\nBcc: b@x.example",
    "a name before it": "Someone <a@x.example>",
    "a comment": "a@x.example (hello)",
    "a group": "all: a@x.example;",
    "no domain": "a@",
    "no local part": "@x.example",
    "no at": "somebody",
    "nothing": "",
    "a blank inside": "a b@x.example",
    "a NUL": "a\x00@x.example",
    "a route": "<@y.example:a@x.example>",
    "a name that no domain has": "a@x..example",
    "letters before the at that few servers take": "josé@x.example",
    "an endless domain": f"a@{'x' * 64}.example",
}


@pytest.mark.parametrize("to", ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("field", ["to", "sender", "reply_to"])
def test_what_is_not_exactly_one_address_is_refused(to, field):
    if field == "reply_to" and not to:
        assert letter(reply_to="")["Reply-To"] is None
        return
    with pytest.raises(MailRefused, match=r"is not one address that mail can be sent to$"):
        letter(**{field: to})


@pytest.mark.parametrize("subject", ["a\r\nBcc: b@x.example", "a\nb", "a\x0bb", "a\x00", "a\u2028b"])
def test_a_subject_that_would_forge_a_header_is_refused(subject):
    with pytest.raises(MailRefused, match="one line"):
        letter(subject=subject)


@pytest.mark.parametrize("message_id", ["", "a@b", "<a@b", "<a b@c>", "<a@b>\r\nBcc: x@y.example", "<a@@b>", "<ñ@b>"])
def test_a_message_id_of_another_form_is_a_mistake_of_ours(message_id):
    with pytest.raises(ValueError, match="is no Message-ID"):
        letter(message_id=message_id)


def test_a_domain_in_other_letters_is_written_in_ascii():
    assert letter(to="ana@correo-español.example")["To"] == "ana@xn--correo-espaol-skb.example"


# --- handing over -----------------------------------------------------------------------------------------------------


class Desk:
    """Takes mail, and says what a test tells it to say."""

    def __init__(self, **answers: str):
        self.answers, self.taken = answers, []

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, server, session, envelope):
        self.taken.append(envelope)
        return self.answers.get("data", "250 queued")

    @property
    def messages(self):
        return [message_from_bytes(one.content, policy=email.policy.default) for one in self.taken]


class Post(Controller):
    def __init__(self, desk: Desk, **how: object):
        self.how = how
        super().__init__(desk, hostname="127.0.0.1", port=0)

    def factory(self):
        return SMTP(self.handler, **self.how)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def post(desk: Desk, **how):
    controller = Post(desk, **how)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def smtp(port: int, **how) -> Smtp:
    return Smtp("127.0.0.1", port, **{"wait": 0.5, "total": 0.8, "trust": TRUST, **how})


def test_a_message_arrives_whole_at_one_address():
    desk = Desk()
    with post(desk) as port:
        assert smtp(port).send(letter(text="ñ" * 3000 + "\n.\nFin")) == "<promise.12.v1@tienda.example>"
    envelope, message = desk.taken[0], desk.messages[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("tracker@tienda.example", ["cliente@correo.example"])
    assert message["Subject"] == "Su paquete: novedades"
    assert message.get_content().splitlines() == ["ñ" * 3000, ".", "Fin"]
    assert max(map(len, envelope.content.splitlines())) < 80


def test_a_resend_has_the_same_message_id_and_the_same_bytes():
    desk = Desk()
    with post(desk) as port:
        for _ in range(2):
            smtp(port).send(letter())
    first, second = desk.taken
    assert first.content == second.content
    assert [message["Message-ID"] for message in desk.messages] == ["<promise.12.v1@tienda.example>"] * 2


ANSWERS = {
    "an unknown mailbox": ({"rcpt": "550 5.1.1 no such user"}, MailRefused),
    "a full mailbox": ({"rcpt": "552 over quota"}, MailRefused),
    "greylisting": ({"rcpt": "450 4.7.1 try later"}, MailUnknown),
    "content refused": ({"data": "554 5.7.1 spam"}, MailRefused),
    "no disk space": ({"data": "452 4.3.1 try later"}, MailUnknown),
    "our sender is not allowed": ({"mail": "550 5.7.1 not your domain"}, MailUnknown),
    "going down": ({"mail": "421 4.3.2 shutting down"}, MailUnknown),
}


@pytest.mark.parametrize(("answers", "error"), ANSWERS.values(), ids=ANSWERS)
def test_only_a_final_no_to_the_address_or_the_message_is_a_refusal(answers, error):
    said = next(iter(answers.values()))
    with post(Desk(**answers)) as port, pytest.raises(error, match=said[:3]):
        smtp(port).send(letter())


def test_a_server_that_is_down_is_unknown():
    with serving() as server:
        port = server.port
    with pytest.raises(MailUnknown, match=f"^the mail server 127.0.0.1:{port} cannot be used: .*refused"):
        smtp(port).send(letter())


def talking(*lines: bytes) -> Behaviour:
    """Say one line for each that comes in, then hang up."""

    def behave(peer, _request):
        reader = peer.makefile("rb")
        for line in lines:
            peer.sendall(line)
            reader.readline()
        peer.close()

    return behave


@contextmanager
def mail_server(behaviour):
    """A server that speaks first."""
    with serving(behaviour, speaks_first=True) as server:
        yield server.port


WEIRD = {
    "says nothing": lambda peer, _: time.sleep(2),
    "drips its greeting": dripping(b"220 " + b"x" * 99 + b"\r\n", 0.1),
    "is no mail server": talking(b"HTTP/1.1 400 Bad Request\r\n"),
    "wants nothing from us": talking(b"554 go away\r\n"),
    "hangs up": talking(),
    "hangs up after the greeting": talking(b"220 hi\r\n"),
    "drops the connection before it has taken the message": talking(
        b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"
    ),
}


@pytest.mark.parametrize("behaviour", WEIRD.values(), ids=WEIRD)
def test_a_server_that_behaves_oddly_is_unknown_and_never_waited_for_long(behaviour):
    began = time.monotonic()
    with mail_server(behaviour) as port, pytest.raises(MailUnknown):
        smtp(port).send(letter())
    assert time.monotonic() - began < 1.9


def test_a_server_that_is_rude_after_it_took_the_message_has_taken_it():
    def behave(peer, _request):
        reader = peer.makefile("rb")
        for line in (b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            peer.sendall(line)
            reader.readline()
        while reader.readline() != b".\r\n":
            pass
        peer.sendall(b"250 taken\r\n")
        peer.close()

    with mail_server(behave) as port:
        assert smtp(port).send(letter()) == "<promise.12.v1@tienda.example>"


# --- encryption and login ---------------------------------------------------------------------------------------------


def server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def knows(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"shop", b"p@ss"), handled=False)


def test_the_login_travels_encrypted_where_starttls_is_asked_for():
    desk = Desk()
    how = {"tls_context": server_side(), "require_starttls": True, "authenticator": knows, "auth_required": True}
    with post(desk, **how) as port:
        smtp(port, tls="starttls", user="shop", password="p@ss").send(letter())
        with pytest.raises(MailUnknown, match=r"cannot be used: .*535"):
            smtp(port, tls="starttls", user="shop", password="wrong").send(letter())
        with pytest.raises(MailUnknown, match="CERTIFICATE_VERIFY_FAILED"):
            smtp(port, tls="starttls", trust=ssl.create_default_context()).send(letter())
    assert len(desk.taken) == 1


def test_without_starttls_on_the_other_side_nothing_is_sent():
    desk = Desk()
    with post(desk) as port, pytest.raises(MailUnknown, match="STARTTLS"):
        smtp(port, tls="starttls").send(letter())
    assert desk.taken == []


def test_tls_from_the_first_byte_is_spoken_too():
    said = (b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"550 no such user\r\n", b"250 ok\r\n", b"221 bye\r\n")
    with (
        serving(talking(*said), tls=True, speaks_first=True) as server,
        pytest.raises(MailRefused, match="no such user"),
    ):
        smtp(server.port, tls="implicit").send(letter())


# --- settings ---------------------------------------------------------------------------------------------------------

URLS = {
    "smtp://mail.example": ("mail.example", 25, "", "", ""),
    "smtp://mail.example?tls=starttls": ("mail.example", 587, "", "", "starttls"),
    "smtp://u%40x:p%3A%2F@mail.example:2525?tls=starttls": ("mail.example", 2525, "u@x", "p:/", "starttls"),
    "smtp://mail.example?tls=implicit": ("mail.example", 465, "", "", "implicit"),
    "smtp://u:p@127.0.0.1:25": ("127.0.0.1", 25, "u", "p", ""),
}


@pytest.mark.parametrize("url", URLS)
def test_a_mail_url_says_where_and_how(url):
    made = mailer(url)
    assert isinstance(made, Smtp)
    assert (made.host, made.port, made.user, made.password, made.tls) == URLS[url]
    assert (made.wait, made.total) == (10, 20)


@pytest.mark.parametrize("url", ["smtp://u:p@mail.example", "smtp://mail.example?tls=yes"])
def test_a_mail_url_that_is_not_safe_is_refused_in_one_sentence(url):
    with pytest.raises(ValueError, match=r"^TRACKER_MAIL_URL must say tls=starttls or tls=implicit.*\.$"):
        mailer(url)


def test_a_password_is_not_printed():
    assert "p4ss" not in repr(mailer("smtp://u:p4ss@127.0.0.1"))


def test_the_console_shows_what_the_reader_will_see():
    said = []
    console = mailer("console:", said.append)
    assert isinstance(console, Console)
    assert console.send(letter()) == "<promise.12.v1@tienda.example>"
    assert "To: cliente@correo.example" in said[0]
    assert "Hola, año nuevo." in said[0]


def test_a_folder_holds_one_file_per_message_however_often_it_is_sent(tmp_path):
    folder = mailer(f"file:{tmp_path}/mail")
    assert isinstance(folder, Folder)
    for _ in range(2):
        folder.send(letter())
    folder.send(letter(message_id="<other@tienda.example>"))
    files = sorted((tmp_path / "mail").iterdir())
    assert len(files) == 2
    assert {message_from_bytes(one.read_bytes())["Message-ID"] for one in files} == {
        "<promise.12.v1@tienda.example>",
        "<other@tienda.example>",
    }


def test_a_folder_that_cannot_be_written_is_unknown(tmp_path):
    (tmp_path / "mail").write_text("a file in the way")
    with pytest.raises(MailUnknown):
        Folder(tmp_path / "mail").send(letter())
