"""Which format stands for an item that was harvested in several: the richest first, whole; fields are never mixed."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

# By crosswalk, or by crosswalk and version of its schema ("datacite 3"); one that is not named comes after all of them.
PREFERENCE: tuple[str, ...] = (
    "oai_datacite 4", "datacite 4", "jats", "oaire", "cerif", "jpcoar", "mods", "marcxml", "oai_datacite 3", "datacite 3",
    "oai_datacite 2", "datacite 2", "oai_datacite", "datacite", "rdf-vivo", "mets", "xoai", "dim", "etdms", "uketd_dc",
    "rioxx", "qdc", "arXiv", "arXivRaw", "arXivOld", "didl", "dc",
)  # fmt: skip

# figshare's METS and qdc hold files, its CERIF and RDF lack much of what its DataCite has.
FIGSHARE: tuple[str, ...] = ("oai_datacite", "mets", "qdc", "rdf-vivo", "cerif", "uketd_dc", "dc")


def preference_for(base_url: str, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The order for a repository: what its operator chose, then figshare's where it is figshare's, then the general one."""
    host = (urlsplit(base_url).hostname or "").lower()
    own = FIGSHARE if host == "figshare.com" or host.endswith(".figshare.com") else ()
    return tuple(dict.fromkeys((*_spelled_out(chosen), *_spelled_out(own), *PREFERENCE)))


def _spelled_out(order: Sequence[str]) -> Iterator[str]:
    """A crosswalk named without a version means all its versions, best first, but those that the order itself places.

    Else "oai_datacite 4", which the general order has further down, would come after all that was chosen.
    """
    for name in order:
        yield from (each for each in PREFERENCE if each.startswith(f"{name} ") and each not in order)
        yield name
