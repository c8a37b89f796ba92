"""Messages to the operator's webhooks: JSON, signed, over the same guarded client that asks repositories.

A webhook's address may be its only secret: nothing shows more of it than the host.
"""

import hashlib
import hmac

from harvester.config import HostSettings, Settings, Webhook
from harvester.errors import ConfigError, RepositoryError, Retriable
from harvester.schedule.messages import Message, document
from harvester.wire import Client, Limits, Patience, Response, host_of, persist, retry_after

SIGNATURE, TIMESTAMP, DELIVERY = "X-Harvester-Signature", "X-Harvester-Timestamp", "X-Harvester-Delivery"

# Twice fifteen seconds and a nap: the next tick, a minute later, tries again.
_LIMITS = Limits(connect=5.0, read=10.0, total=15.0, max_bytes=2**20)
_PATIENCE = Patience(tries=2, longest_nap=5.0)


def place(webhook: Webhook) -> str:
    """Its host, which may be shown."""
    try:
        return host_of(webhook.url)
    except ConfigError:
        return "an address that cannot be read"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver compares: HMAC-SHA256 over timestamp, a full stop and the body as it came."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def send(webhook: Webhook, settings: Settings, message: Message) -> str | None:
    """Deliver a message; None when it was taken, else why not, in words."""
    try:
        host = host_of(webhook.url)
    except ConfigError:  # its sentence shows more of the address
        return "its address cannot be read: mend 'url' of the [[notify.webhook]]"
    said = settings.hosts.get(host)
    hosts = {host: HostSettings(host, ca=said.ca)} if said is not None and said.ca is not None else {}
    body = document(message)
    try:
        headers = _headers(webhook, message, body)
        with Client(
            contact=settings.contact, patience=_PATIENCE, limits=_LIMITS, typed={host}, hosts=hosts
        ) as client:
            return persist(_PATIENCE, lambda: _refusal(client.deliver(webhook.url, body, headers), host))
    except (RepositoryError, ConfigError) as error:
        return str(error)


def _refusal(answer: Response, host: str) -> str | None:
    """Why the answer means that the message was not taken. Raises Retriable where it may be taken soon."""
    if 200 <= answer.status < 300:
        return None
    why = f"{host} answered with HTTP status {answer.status}"
    if answer.status == 429 or answer.status >= 500:
        after = retry_after(answer.headers, answer.received_at)
        raise Retriable(why, reason=f"http_{answer.status}", after=after)
    return f"{why}: look whether 'url' of the [[notify.webhook]] is still right"


def _headers(webhook: Webhook, message: Message, body: bytes) -> dict[str, str]:
    timestamp = str(int(message.now.timestamp()))
    headers = {"Content-Type": "application/json", TIMESTAMP: timestamp, DELIVERY: message.id}
    if webhook.secret is not None:
        headers[SIGNATURE] = sign(webhook.secret.reveal(), timestamp, body)
    return headers
