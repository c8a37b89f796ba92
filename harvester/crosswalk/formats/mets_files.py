"""fileSec of METS: the files that a reader would want, those of the whole before those of its pages.

A digitised book has an image of each page in four sizes, its text, thumbnails and mostly one PDF. The PDF is its file;
where there is none, the best images are. Of every other group the number of its files is said in the problems.
"""

from collections.abc import Iterator

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, media
from harvester.crosswalk.tree import attribute, local_name
from harvester.entry import Checksum, File

MOST_FILES = 1000  # of one record; a book of more pages is read in its viewer
MOST_GROUPS = 50  # that are named in the problem

# By @USE, which METS leaves open: DSpace's bundles, the DFG Viewer's groups, those of US libraries. Best images first.
_IMAGES = (
    "max",
    "master",
    "images",
    "image",
    "presentation",
    "default",
    "reference image",
    "service",
    "reference",
)
_DERIVED = frozenset((
    "min", "thumbs", "thumbnail", "thumbnails", "thumbnail image", "teaser", "preview", "branded_preview", "local",
    "text", "fulltext", "full text", "ocr", "alto", "license", "cc-license", "metadata", "swap", "logo", "background",
    "archive image", "intermediary",
))  # fmt: skip


def read(draft: Draft, section: etree._Element) -> None:
    """Add the files of the section to those that are known already, each URL once."""
    whole: list[tuple[str, list[etree._Element]]] = []
    images: dict[int, tuple[str, list[etree._Element]]] = {}
    passed: list[tuple[str, int]] = []
    for use, files in _groups(section):
        key = use.strip().lower()
        rank = _rank(key)
        if key in _DERIVED or key.startswith("ocr"):
            passed.append((use, len(files)))
        elif rank is None:
            whole.append((use, files))
        elif rank in images:
            images[rank][1].extend(files)
        else:
            images[rank] = (use, files)
    for rank in sorted(images):
        use, files = images[rank]
        if not whole and any(_location(draft, file)[0] for file in files):
            whole.append((use, files))
        else:
            passed.append((use, len(files)))
    _take(draft, whole, passed)
    draft.leave(section, section.tag)  # files within the document itself


def _groups(section: etree._Element) -> Iterator[tuple[str, list[etree._Element]]]:
    """(use, files): the use is the group's own, that of a group around it, or the file's."""
    for group in section.iter("{*}fileGrp"):
        holders = (each.get("USE") for each in (group, *group.iterancestors("{*}fileGrp")))
        use = next(filter(None, holders), "")
        files: dict[str, list[etree._Element]] = {}
        for child in group:
            if local_name(child) == "file":
                files.setdefault(use or child.get("USE") or "", []).append(child)
        yield from files.items()
    alone = [child for child in section if local_name(child) == "file"]
    if alone:
        yield "", alone


def _rank(use: str) -> int | None:
    """How good the images of a group are, 0 the best; None for a group of whole files."""
    if use in _IMAGES:
        return _IMAGES.index(use)
    return len(_IMAGES) if "image" in use else None


def _take(
    draft: Draft, groups: list[tuple[str, list[etree._Element]]], passed: list[tuple[str, int]]
) -> None:
    known = {file.url: at for at, file in enumerate(draft.files) if file.url}
    for use, files in groups:
        for at, element in enumerate(files):
            if len(draft.files) >= MOST_FILES:
                passed.append((use, len(files) - at))
                break
            file = _file(draft, element)
            if file.url in known:
                _complete(draft, known[file.url], file)
            elif file != File():
                if file.url:
                    known[file.url] = len(draft.files)
                draft.files.append(file)
    if passed:
        said = ", ".join(f"{use or 'files'}: {count}" for use, count in passed[:MOST_GROUPS])
        draft.note("files", "files_not_listed", said)


def _file(draft: Draft, element: etree._Element) -> File:
    url, path = _location(draft, element)
    size = (element.get("SIZE") or "").strip()
    checksum = attribute(draft, element, "CHECKSUM", "files") or None
    return File(
        url,
        media.file_name(url) if url else path.replace("\\", "/").rpartition("/")[2] or None,
        attribute(draft, element, "MIMETYPE", "files") or None,
        int(size) if size.isascii() and size.isdecimal() and len(size) < 16 else None,
        Checksum(attribute(draft, element, "CHECKSUMTYPE", "files") or None, checksum) if checksum else None,
    )


def _location(draft: Draft, element: etree._Element) -> tuple[str | None, str]:
    """(URL, else None; path where it is no URL): FLocat, or OWNERID, where older DSpace has it too."""
    path = ""
    for child in element:
        if local_name(child) == "FLocat" and (link := attribute(draft, child, "href", "files")):
            if identifiers.is_url(link):
                return link, ""
            path = path or link
    owner = attribute(draft, element, "OWNERID", "files")
    return (owner, "") if identifiers.is_url(owner) else (None, path)


def _complete(draft: Draft, at: int, found: File) -> None:
    """What dcterms:hasPart named is the same file."""
    have = draft.files[at]
    draft.files[at] = File(
        have.url, have.name or found.name, have.format or found.format, have.size or found.size,
        have.checksum or found.checksum,
    )  # fmt: skip
