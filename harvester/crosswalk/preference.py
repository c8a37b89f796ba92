"""Which format stands for an item that was harvested in several: the richest first, whole; fields are never mixed."""

# By crosswalk name; a crosswalk that is not named here comes after all of them.
PREFERENCE: tuple[str, ...] = (
    "oai_datacite",
    "datacite",
    "jats",
    "oaire",
    "cerif",
    "mods",
    "marcxml",
    "rdf-vivo",
    "mets",
    "xoai",
    "dim",
    "etdms",
    "uketd_dc",
    "qdc",
    "arXiv",
    "arXivRaw",
    "didl",
    "dc",
)
