"""Messages by mail, over TLS that is verified; a line break in what a repository sent never becomes a header."""

import ipaddress
import smtplib
import socket
import ssl
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from harvester import logs
from harvester.config import Mail
from harvester.errors import ConfigError
from harvester.schedule.messages import Message, headline, text

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PATIENCE = 15.0  # seconds for each answer of the server

_log = logs.logger(__name__)


def send(
    mail: Mail, message: Message, *, context: ssl.SSLContext | None = None, patience: float = _PATIENCE
) -> str | None:
    """Send a message; None when the server took it, else why not, in words. `context` verifies the server (the system's
    authorities by default).
    """
    try:
        host, port = _server(mail)
        written = compose(mail, message)
        password = mail.password.reveal() if mail.password is not None else None
    except ConfigError as error:
        return str(error)
    trust = context or ssl.create_default_context()
    try:
        smtp = _connect(mail, (host, port), trust, patience)
        try:
            if mail.user is not None and password is not None:
                smtp.login(mail.user, password)
            refused = smtp.send_message(
                written, parseaddr(mail.sender)[1], [parseaddr(each)[1] for each in mail.to]
            )
        finally:
            with suppress(smtplib.SMTPException, OSError):  # it has said yes or no already
                smtp.quit()
            smtp.close()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return _why(host, port, error)
    if refused:
        _log.warning(
            "the mail server does not take mail for some of the recipients", host=host, refused=len(refused)
        )
    return None


def compose(mail: Mail, message: Message) -> EmailMessage:
    """The mail. Raises ConfigError for a sender or a recipient that no header can hold."""
    written = EmailMessage(policy=policy.SMTP)
    try:
        written["From"] = mail.sender
        written["To"] = ", ".join(mail.to)
        domain = parseaddr(mail.sender)[1].rpartition("@")[2] or "localhost"
        written["Message-ID"] = f"<{message.id}.harvester@{domain}>"  # the same when it is sent twice
    except ValueError as error:
        raise ConfigError(
            "'sender' and 'to' under [notify.mail] must be mail addresses, each on one line"
        ) from error
    written["Subject"] = headline(message)
    written["Date"] = format_datetime(message.now)
    written["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday is answered to us
    written.set_content(f"{text(message)}\n\n-- \nharvester\n")
    return written


def _connect(mail: Mail, server: tuple[str, int], trust: ssl.SSLContext, patience: float) -> smtplib.SMTP:
    # Without a name of our own smtplib would ask the DNS for one, which may take long and ends in the same.
    own = socket.gethostname() if "." in socket.gethostname() else "[127.0.0.1]"
    host, port = server
    if mail.tls == "tls":
        return smtplib.SMTP_SSL(host, port, own, timeout=patience, context=trust)
    smtp = smtplib.SMTP(host, port, own, timeout=patience)
    if mail.tls == "starttls":
        try:
            smtp.starttls(context=trust)
        except BaseException:
            smtp.close()
            raise
    return smtp


def _server(mail: Mail) -> tuple[str, int]:
    host, colon, number = mail.server.rpartition(":")
    if not colon or "]" in number or (":" in host and not host.startswith("[")):
        host, number = mail.server, str(_PORTS[mail.tls])
    host = host.strip("[]")
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65_536):
        raise ConfigError("'server' under [notify.mail] must be a host, or host:port")
    if mail.tls == "none" and not _is_here(host):
        raise ConfigError(
            'mail goes without TLS to this machine alone: write tls = "starttls" under [notify.mail]'
        )
    return host, int(number)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _why(host: str, port: int, error: Exception) -> str:
    where = f"the mail server {host}:{port}"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps some
        return f"{where} does not answer"
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"{where} does not take the user and password of [notify.mail] (code {error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return f"{where} does not offer what is asked of it: look at 'tls' and 'user' under [notify.mail]"
        case smtplib.SMTPRecipientsRefused():
            return f"{where} takes mail for none of the recipients under [notify.mail]"
        case smtplib.SMTPResponseException():
            return f"{where} refused with code {error.smtp_code}"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {where} cannot be verified; if the authority is your own, name its bundle in SSL_CERT_FILE"
        case _:
            return f"{where} cannot be reached, or broke off ({type(error).__name__})"
