"""The metadata documents of the corpus: those of records, and files that are nothing but metadata."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

STRICT = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def documents(corpus: Path) -> Iterator[tuple[Path, etree._Element]]:
    """(file, metadata element) in a fixed order; files that are not well-formed are passed over (INDEX.tsv names them)."""
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.suffix in (".xml", ".txt"):
            for metadata in of_file(path):
                yield path, metadata


def of_file(path: Path) -> list[etree._Element]:
    """The metadata elements of one file, in its order."""
    try:
        root = etree.fromstring(path.read_bytes(), STRICT)
    except etree.XMLSyntaxError:
        return []
    held = [
        inner[0]
        for inner in root.iter("{*}metadata")
        if inner.getparent() is not None
        and str(inner.getparent().tag).endswith("record")
        and len(inner)
        and isinstance(inner[0].tag, str)
    ]
    return held or ([] if str(root.tag).endswith("OAI-PMH") else [root])
