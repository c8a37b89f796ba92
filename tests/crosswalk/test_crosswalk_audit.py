"""Nothing is dropped in silence: an element whose text changes must change the entry, or be counted as unread."""

import copy
from collections import Counter, defaultdict
from pathlib import Path

from corpus_documents import documents
from lxml import etree

from harvester.crosswalk import normalise
from harvester.crosswalk.registry import crosswalk_for

ROOTS = 12  # documents of each crosswalk and root element that are looked at, a different file each
ELEMENTS = 150  # of one document, evenly spread
MARK = " zqx"


def silent(metadata: etree._Element) -> list[str]:
    """Paths of the elements that are neither read nor counted, of at most ELEMENTS."""
    document = copy.deepcopy(metadata)
    before = normalise(document)
    spoken = [
        element for element in document.iter(etree.Element) if element.text and not element.text.isspace()
    ]
    found = []
    for element in spoken[:: max(1, len(spoken) // ELEMENTS)]:
        was = element.text
        element.text = was + MARK
        after = normalise(document)
        if after.entry == before.entry:
            element.text = None  # what is left unread is counted, and no longer where it is empty
            if normalise(document).unread == before.unread:
                found.append(document.getroottree().getelementpath(element))
        element.text = was
    return found


def test_every_element_with_text_is_read_or_counted(corpus: Path) -> None:
    seen: dict[tuple[str, str], set[Path]] = defaultdict(set)
    quiet: dict[str, Counter[str]] = defaultdict(Counter)
    for path, metadata in documents(corpus):
        crosswalk = crosswalk_for(metadata)
        files = seen[crosswalk.name, str(metadata.tag)]
        if path in files or len(files) >= ROOTS or sum(1 for _ in metadata.iter()) > 3000:
            continue
        files.add(path)
        for element in silent(metadata):
            local = "/".join(step.rpartition("}")[2].partition("[")[0] for step in element.split("/"))
            if local.rpartition("/")[2] not in crosswalk.passed_over:
                quiet[crosswalk.name][local] += 1
    assert {name: dict(paths) for name, paths in quiet.items()} == {}
