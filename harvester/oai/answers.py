"""What a body is, before its HTTP status is believed: an OAI-PMH answer, a web page, a bot wall, or nothing.

OAI-PMH errors come under 4xx and 5xx too (Zenodo answers noRecordsMatch under 422), and web pages under 200.
"""

import re
from collections.abc import Mapping

from harvester.errors import Refused, RepositoryError, Retriable
from harvester.oai.page import local_name
from harvester.oai.parsing import OAI, end_of_misc
from harvester.oai.repair import utf16_of
from harvester.oai.salvage import Parsed, parse

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.I)
_OAI_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?OAI-PMH[\s>]")
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_WALLS = (
    re.compile(rb"<title>\s*Just a moment", re.I),  # Cloudflare
    re.compile(rb"(?:id=\"anubis_challenge\"|Making sure you(?:'|&#39;)re not a bot)", re.I),  # Anubis
    re.compile(rb"(?:awswaf\.com|AwsWafIntegration|aws-waf-token)", re.I),  # AWS WAF
)
# Before 2.0 the root was named after the verb, in a namespace of the version.
_OLDER = re.compile(rb"<[A-Za-z]+\s[^>]*http://www\.openarchives\.org/OAI/1\.\d/")
BOT_WALL = "bot_wall"


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Parsed:
    """An OAI-PMH 2.0 answer, whatever its status; header names are lower case.

    Raises Refused (401, 403, `doctype`, `unsupported_version`), Retriable (reasons `http_<status>`, `html`, `bot_wall`,
    `empty_body`, `malformed`, `not_oai`) or RepositoryError (404, 410).
    """
    if not _OAI_ROOT.search(body) and utf16_of(body) is None:
        raise _not_oai(status, headers, body)
    try:
        parsed = parse(body)
    except RepositoryError:
        if status != 200 or _is_html(body):  # a web page that only mentions OAI-PMH: the status tells more
            raise _not_oai(status, headers, body) from None
        raise
    root = parsed.root
    if root.tag == f"{OAI}OAI-PMH":
        return parsed
    if local_name(root) == "OAI-PMH":
        raise _other_version(root.tag.rpartition("}")[0][1:])
    raise _not_oai(status, headers, body)


def _not_oai(status: int, headers: Mapping[str, str], body: bytes) -> RepositoryError:
    if is_bot_wall(headers, body):
        return Retriable("a bot wall stands before the repository: it asks for a browser", reason=BOT_WALL)
    if status != 200:
        return _by_status(status)
    if not body.strip():
        return Retriable("the answer is empty", reason="empty_body")
    if _is_html(body):
        return Retriable(
            "the answer is a web page, not OAI-PMH; check the base URL (it often ends in /oai or /oai/request), "
            "or the repository is under maintenance",
            reason="html",
        )
    if _OLDER.match(body, end_of_misc(body)):
        return _other_version("http://www.openarchives.org/OAI/1.1/")
    return Retriable("the answer is not OAI-PMH; check the base URL", reason="not_oai")


def _other_version(namespace: str) -> Refused:
    return Refused(
        f"the answer is in the namespace '{namespace or 'none'}', which is not OAI-PMH 2.0",
        reason="unsupported_version",
    )


def is_bot_wall(headers: Mapping[str, str], body: bytes) -> bool:
    """Challenge markers of Cloudflare, Anubis and AWS WAF. They are never evaded, only told."""
    if "challenge" in headers.get("cf-mitigated", ""):
        return True
    if headers.get("x-amzn-waf-action", "") in ("challenge", "captcha"):
        return True
    return _is_html(body) and any(mark.search(body[:65536]) for mark in _WALLS)


def _is_html(body: bytes) -> bool:
    return _HTML.match(body, end_of_misc(body)) is not None


def _by_status(status: int) -> RepositoryError:
    reason = f"http_{status}"
    if status in (401, 403):
        return Refused(
            f"the repository answers HTTP {status}: it does not let us in; ask its managers before trying again",
            reason=reason,
        )
    if status in (404, 410):
        return RepositoryError(
            f"the repository answers HTTP {status}: nothing is at this address; check the base URL",
            reason=reason,
        )
    if status in _TEMPORARY:
        return Retriable(f"the repository answers HTTP {status}", reason=reason)
    return Retriable(f"the repository answers HTTP {status} without an OAI-PMH answer", reason=reason)
