"""Mail goes over TLS that was verified or not at all, and what a repository is called never becomes a header."""

import io
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from receivers import OPENSSL, MailServer, by, certificate, listening
from watched import NOW, some_alert

from harvester import logs
from harvester.config import Mail
from harvester.schedule import mailing
from harvester.schedule.messages import Message

CANARY = "k4n4ry"
MESSAGE = Message([some_alert(1)], [], NOW)
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl program to make a certificate")
EVIL = "a\r\nBcc: victim@example.org\r\n\r\n<b>\x00\u202e"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture
def mailbox(tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server that is trusted, offers STARTTLS and wants a login."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    monkeypatch.setenv("MAIL_PASSWORD", f"{CANARY}-mail")
    with listening(MailServer(tls[0])) as server:
        server.credentials = ("me", f"{CANARY}-mail")
        yield server


@needs_openssl
def test_a_mail_goes_over_verified_tls_after_a_login_and_reads_well(mailbox: MailServer) -> None:
    alert = some_alert(1, subject="Zürich, oai_dc", sentence="Zürich, oai_dc has failed 7 times in a row.")
    assert mailing.send(by(mailbox), Message([alert], [], NOW)) is None
    [mail] = mailbox.mails
    assert mail["Subject"] == "harvester: Zürich, oai_dc is failing"
    assert mail["From"] == "Harvester <harvester@example.org>"
    assert mail["To"].addresses[1].display_name == "Zoë"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    assert mail.get_content().startswith("Zürich, oai_dc has failed 7 times in a row.")
    [(sender, to)] = mailbox.envelopes
    assert sender.startswith("FROM:<harvester@example.org>")
    assert to == ["TO:<ops@example.org>", "TO:<zoe@example.org>"]
    assert [each.split()[0].upper() for each in mailbox.spoken][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


@needs_openssl
def test_nothing_that_a_repository_is_called_becomes_a_header(mailbox: MailServer) -> None:
    evil = "a\r\nBcc: victim@example.org\r\n\r\n<b>\x00\u202e"
    for message in (
        Message([some_alert(1, subject=evil, sentence=evil)], [], NOW),
        Message([], [some_alert(1, subject=evil, kind=evil, resolved_at=NOW)], NOW),
    ):
        assert mailing.send(by(mailbox), message) is None
    for mail in mailbox.mails:
        assert mail["Bcc"] is None
        assert mail["Subject"].startswith("harvester: a  Bcc: victim@example.org")
        assert len(mail.get_all("Subject")) == 1
    assert "victim" not in str(mailbox.envelopes)


@pytest.mark.parametrize("said_of", ["sender", "to"])
def test_an_address_with_a_line_break_is_refused_in_words(said_of: str, mailbox: MailServer) -> None:
    value = "a@example.org\r\nBcc: victim@example.org"
    mail = by(mailbox, **{said_of: value if said_of == "sender" else (value,)})
    assert "must be mail addresses" in str(mailing.send(mail, MESSAGE))
    assert mailbox.spoken == []


def with_stranger(mailbox: MailServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mail:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "localhost")[1]))
    return by(mailbox)


def without_starttls(mailbox: MailServer, *_: Any) -> Mail:
    mailbox.context = None
    return by(mailbox)


def under_another_name(mailbox: MailServer, *_: Any) -> Mail:
    return by(mailbox, server=f"127.0.0.1:{mailbox.port}")


def with_a_wrong_password(mailbox: MailServer, *_: Any) -> Mail:
    mailbox.credentials = ("me", "another")
    return by(mailbox)


def with_nobody_there(mailbox: MailServer, *_: Any) -> Mail:
    return by(mailbox, server="localhost:1")


def to_nobody(mailbox: MailServer, *_: Any) -> Mail:
    mailbox.refuses = {"example.org"}
    return by(mailbox)


def without_a_secret(mailbox: MailServer, monkeypatch: pytest.MonkeyPatch, _: Path) -> Mail:
    monkeypatch.delenv("MAIL_PASSWORD")
    return by(mailbox)


def in_the_clear_far_away(mailbox: MailServer, *_: Any) -> Mail:
    return by(mailbox, server="mail.example.org:25", tls="none")


@needs_openssl
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_stranger, "the certificate of .* cannot be verified"),
        (without_starttls, "does not offer what is asked of it"),
        (under_another_name, "cannot be verified"),
        (with_a_wrong_password, r"does not take the user and password .* \(code 535\)"),
        (with_nobody_there, "cannot be reached"),
        (to_nobody, "for none of the recipients"),
        (without_a_secret, "the secret env:MAIL_PASSWORD is not set"),
        (in_the_clear_far_away, "without TLS to this machine alone"),
    ],
)
def test_a_mail_that_cannot_go_safely_does_not_go_and_is_told_why_in_words(
    change: Callable[..., Mail],
    words: str,
    mailbox: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    mail = change(mailbox, monkeypatch, tmp_path)
    why = mailing.send(mail, MESSAGE, patience=3.0)
    assert re.search(words, str(why))
    assert CANARY not in str(why)
    assert mailbox.mails == []
    if change not in (with_a_wrong_password, to_nobody):
        assert not [each for each in mailbox.spoken if each.startswith("AUTH")], "the password was not sent"


@needs_openssl
def test_tls_from_the_first_byte(tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    with listening(MailServer(tls[0], wrapped=True)) as server:
        mail = by(server, tls="tls", user=None, password=None)
        assert mailing.send(mail, MESSAGE) is None
        assert len(server.mails) == 1


def test_one_recipient_who_is_refused_does_not_keep_the_mail_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(logs, "_sink", logs._Sink("json", said, configured=True))
    with listening(MailServer()) as server:
        server.refuses = {"zoe"}
        mail = by(server, tls="none", user=None, password=None)
        assert mailing.send(mail, MESSAGE) is None
        assert len(server.mails) == 1
    assert "does not take mail for some" in said.getvalue()


def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = Mail(f"127.0.0.1:{silent.getsockname()[1]}", "a@example.org", ("b@example.org",), tls="none")
        assert mailing.send(mail, MESSAGE, patience=0.3) == (
            f"the mail server 127.0.0.1:{silent.getsockname()[1]} does not answer"
        )


@pytest.mark.parametrize(
    ("server", "tls", "reached"),
    [
        ("mail.example.org", "starttls", ("mail.example.org", 587)),
        ("mail.example.org", "tls", ("mail.example.org", 465)),
        ("mail.example.org:2525", "starttls", ("mail.example.org", 2525)),
        ("127.0.0.53", "none", ("127.0.0.53", 25)),
        ("[::1]:26", "none", ("::1", 26)),
        ("[::1]", "none", ("::1", 25)),
        ("::1", "none", ("::1", 25)),
    ],
)
def test_a_mail_server_is_found_as_it_is_written(server: str, tls: str, reached: tuple[str, int]) -> None:
    assert mailing._server(Mail(server, "a@b", ("c@d",), tls=tls)) == reached
