"""Media types and sizes, as dc:format has them; and which URLs lead to files.

Pure. Sizes stay text; only a number of bytes is a size that a machine may use.
"""

import re
from urllib.parse import unquote

_MEDIA_TYPE = re.compile(
    r"(application|audio|font|image|message|model|multipart|text|video|chemical)/[\w.+-]+", re.IGNORECASE
)
_SIZE = re.compile(
    r"(?:~ ?|ca\.? )?[0-9][0-9., ]{0,20} ?(?:bytes?|octets?|[kmgt]i?b|[kmgt]bytes?|pages?|p\.|pp\.?|leaves|seiten|páginas"
    r"|files?|records?|rows?|items?|minutes?|mins?|hours?|seconds?|slides?|images?|cm|mm|inch(?:es)?|x [0-9].{0,30})\b.{0,20}",
    re.IGNORECASE,
)
_SIZE_BEGINS = frozenset("0123456789~cC")
_BYTES = re.compile(r"([0-9]{1,15}) ?(?:bytes?|b)?", re.IGNORECASE)

# Links to bytes and not to a page: DSpace, figshare, bepress; EPrints and others by the file's ending
_FILE_PATH = re.compile(r"/bitstreams?/|/ndownloader[/.]|/viewcontent\.cgi\?")
_ENDING = re.compile(
    r"\.(?:pdf|zip|gz|tar|csv|tsv|xlsx?|docx?|pptx?|txt|png|jpe?g|tiff?|gif|mp[34]|avi|wav|json|rtf|ps|epub|nc|h5|wmv|mov|mpe?g|m4[av]|flv|webm|og[gv]|7z|rar)(?:\?[^?]*)?",
    re.IGNORECASE,
)
_NAME = re.compile(r"/([^/?#]{1,200}\.[A-Za-z0-9]{1,6})(?:[?#]|$)")
_PROGRAMS = (".cgi", ".php", ".aspx", ".jsp")


def is_media_type(text: str) -> bool:
    """`application/pdf` and the like."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_size(text: str) -> bool:
    """`12 kB`, `90 pages`, `20 x 25 cm.`, or a bare number, which DSpace and Dataverse write for bytes."""
    if text[:1] not in _SIZE_BEGINS or len(text) > 80:
        return False
    return _SIZE.fullmatch(text) is not None or text.isdecimal()


def with_url(text: str) -> tuple[str, str] | None:
    """(media type, URL) of `application/pdf https://…/003.pdf`, as older DSpace writes its files."""
    kind, blank, rest = text.partition(" ")
    if blank and is_media_type(kind) and rest.startswith(("http://", "https://")):
        return kind, rest
    return None


def size_in_bytes(text: str) -> int | None:
    """A number of bytes, where the text is nothing else."""
    match = _BYTES.fullmatch(text)
    return int(match[1]) if match else None


def is_file_url(url: str) -> bool:
    """Whether a URL leads to a file's bytes."""
    if "/bitstream" in url or "/ndownloader" in url or "/viewcontent.cgi?" in url:
        return _FILE_PATH.search(url) is not None
    dot = url.rfind(".", url.rfind("/"))
    return dot > 8 and _ENDING.fullmatch(url, dot) is not None


def file_name(url: str) -> str | None:
    """The file's name, where the URL ends in one."""
    match = _NAME.search(url)
    if not match or match[1].lower().endswith(_PROGRAMS):
        return None
    name = unquote(match[1])
    return name if name.isprintable() else match[1]
