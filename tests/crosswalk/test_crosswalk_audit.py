"""Nothing is dropped in silence: an element whose text changes must change the entry, or be counted as unread."""

import copy
import re
from collections import Counter, defaultdict
from pathlib import Path

from corpus_documents import documents
from lxml import etree

from harvester.crosswalk import normalise
from harvester.crosswalk.formats.xoai_files import DERIVED
from harvester.crosswalk.registry import crosswalk_for

ROOTS = 12  # documents of each crosswalk and root element that are looked at, a different file each
ELEMENTS = 150  # of one document, evenly spread
MARK = " zqx"
# xoai calls every value "field", so that what of it is passed over is told by its path: the repository, the record,
# numbers within the item, and of the files made of the item's all but their number. An authority says nothing where
# nothing else bears it, a confidence where there is no identifier beside it.
XOAI_PASSED = re.compile(
    r"(?:repository|license)/|others/(?:identifier|lastModifyDate|owningCollection)$"
    rf"|bundles/bundle\[(?:{'|'.join(sorted(map(re.escape, DERIVED)))})\]/bitstreams/bitstream/"
    r"|bundles/bundle\[ORIGINAL\]/bitstreams/bitstream/(?:originalName|sid|primary)$"
)
PASSED_PATHS = {"xoai": re.compile(rf"{XOAI_PASSED.pattern}|.*/(?:authority|confidence)$")}


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
        if (after.entry, after.unread) == (before.entry, before.unread):
            element.text = None  # what is left unread is counted, and no longer where it is empty
            if normalise(document).unread == before.unread:
                found.append(document.getroottree().getelementpath(element))
        element.text = was
    return found


def path_of(element: etree._Element, root: etree._Element) -> str:
    """The path below the root by xoai's names where elements bear them; a bundle with its own: `bundle[TEXT]`."""
    steps: list[str] = []
    for each in (element, *element.iterancestors()):
        if each is root:
            break
        local = etree.QName(each).localname
        step = each.get("name") or local if local in ("element", "field") else local
        if step == "bundle":
            step += f"[{next((child.text or '' for child in each if child.get('name') == 'name'), '')}]"
        steps.append(step)
    return "/".join(steps[::-1])


def test_every_element_with_text_is_read_or_counted(corpus: Path) -> None:
    seen: dict[tuple[str, str], set[Path]] = defaultdict(set)
    quiet: dict[str, Counter[str]] = defaultdict(Counter)
    for path, metadata in documents(corpus):
        crosswalk = crosswalk_for(metadata)
        files = seen[crosswalk.name, str(metadata.tag)]
        if path in files or len(files) >= ROOTS or sum(1 for _ in metadata.iter()) > 3000:
            continue
        files.add(path)
        for element in (metadata if path == "." else metadata.find(path) for path in silent(metadata)):
            local = path_of(element, metadata)
            passed = PASSED_PATHS.get(crosswalk.name)
            if local.rpartition("/")[2] not in crosswalk.passed_over and not (passed and passed.match(local)):
                quiet[crosswalk.name][local] += 1
    assert {name: dict(paths) for name, paths in quiet.items()} == {}
