"""What xoai says beside the metadata: the item's files, its handle, and who may read it."""

from collections.abc import Iterator

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, identifiers, licences, media
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Checksum, File, Rights

ORIGINAL = "ORIGINAL"
# Bundles that DSpace and its plugins make of the deposited files, or keep beside them
DERIVED = frozenset((
    "TEXT", "THUMBNAIL", "BRANDED_PREVIEW", "PREVIEW", "LICENSE", "CC-LICENSE", "CC_LICENSE", "METADATA", "SWORD",
    "ORE", "IIIF",
))  # fmt: skip
_READ = ("name", "format", "size", "url", "checksum", "checksumAlgorithm")
_TECHNICAL = ("originalName", "sid", "primary")  # the name again, and numbers within the item
MOST_GROUPS = 50  # that are named in the problem
_ACCESS = {
    "open.access": "open",
    "embargo": "embargoed",
    "restricted": "restricted",
    "metadata.only": "metadata_only",
}


def bundles(draft: Draft, element: etree._Element) -> None:
    """`bundles/bundle/bitstreams/bitstream`; a bundle of an unknown kind is left under its name.

    Of the derived ones the number of their files is said, as of METS's.
    """
    passed: dict[str, int] = {}
    leave_text(draft, element, "bundles")
    for bundle in element:
        if not isinstance(bundle.tag, str):
            continue
        name = next((line(draft, child, "files") for child in bundle if child.get("name") == "name"), "")
        if name.upper() not in DERIVED and name.upper() != ORIGINAL:
            draft.leave(bundle, f"bundles.{name}")
            continue
        for bitstream in _bitstreams(draft, bundle, f"bundles.{name}"):
            if name.upper() == ORIGINAL:
                _file(draft, bitstream)
            else:
                passed[name] = passed.get(name, 0) + 1
    if passed:
        said = [f"{name}: {count}" for name, count in passed.items()]
        draft.note("files", "files_not_listed", ", ".join(said[:MOST_GROUPS]))


def others(draft: Draft, element: etree._Element) -> None:
    """The handle, the access status and the licence chosen; the record's own dates and numbers are passed over."""
    leave_text(draft, element, "others")
    for child in element:
        name = child.get("name") if isinstance(child.tag, str) else None
        if name == "handle":
            said = line(draft, child, "identifiers")
            known = identifiers.handle(said)
            if known:
                draft.found.append((known, said))
            else:  # 123456789/… before a prefix is configured
                draft.leave(child, "others.handle")
        elif name == "access-status":
            _access(draft, _beside(draft, child, "access", ("value", "embargo")))
        elif name == "cc":
            _licence(draft, _beside(draft, child, "rights", ("uri", "name")))
        elif name is not None and name not in ("identifier", "lastModifyDate", "owningCollection"):
            draft.leave(child, f"others.{name}")


def _beside(draft: Draft, element: etree._Element, field: str, names: tuple[str, ...]) -> dict[str, str]:
    """What an element's fields say, or under the first name what it says itself: `<field name="access-status">`."""
    if len(element):
        return _fields(draft, element, field=field, names=names, label="others")
    return {names[0]: line(draft, element, field)}


def leave_text(draft: Draft, element: etree._Element, label: str) -> None:
    """Count text that stands in an element itself, where only fields have any."""
    if element.text and not element.text.isspace():
        draft.pass_over(label)


def _bitstreams(draft: Draft, bundle: etree._Element, label: str) -> Iterator[etree._Element]:
    """The files of a bundle; what stands beside them and is not the bundle's name is left."""
    named = False
    leave_text(draft, bundle, label)
    for inner in bundle:
        if local_name(inner) == "element":
            leave_text(draft, inner, label)
            for child in inner:
                if local_name(child) == "element":
                    yield child
                elif isinstance(child.tag, str):
                    draft.leave(child, label)
        elif named or inner.get("name") != "name":
            if isinstance(inner.tag, str):
                draft.leave(inner, label)
        else:
            named = True


def _file(draft: Draft, bitstream: etree._Element) -> None:
    said = _fields(draft, bitstream, field="files", names=_READ, label="bundles.ORIGINAL")
    url = said.get("url", "")
    checksum = said.get("checksum", "")
    name = said.get("name") or media.file_name(url)
    found = File(
        url if identifiers.is_url(url) else None,
        name,
        said.get("format") or None,
        media.size_in_bytes(said.get("size", "")),
        Checksum(said.get("checksumAlgorithm") or None, checksum) if checksum else None,
    )
    if url and found.url is None:
        draft.note("files", "url_unusable", url)
    if said.get("size") and found.size is None:
        draft.note("files", "size_not_understood", said["size"])
    if found != File():
        draft.files.append(found)


def _fields(
    draft: Draft, element: etree._Element, *, field: str, names: tuple[str, ...], label: str
) -> dict[str, str]:
    """The element's fields of these names; others but the technical ones are left."""
    said: dict[str, str] = {}
    for child in element:
        name = child.get("name") if isinstance(child.tag, str) else None
        if name in names and name not in said:
            said[name] = line(draft, child, field)
        elif name is not None and name not in _TECHNICAL:
            draft.leave(child, f"{label}.{name}")
    leave_text(draft, element, label)
    return said


def _access(draft: Draft, said: dict[str, str]) -> None:
    """Worked out by DSpace from the files' policies: what the metadata says of access has precedence."""
    status = said.get("value", "")
    draft.access = draft.access or _ACCESS.get(status)
    if status and status not in _ACCESS:
        draft.note("access", "access_unknown", status)
    if said.get("embargo"):
        end = dates.read(said["embargo"], draft.notes, type="Available")
        draft.embargo = draft.embargo or end.start
        if end not in draft.dates[:50]:
            draft.dates.append(end)


def _licence(draft: Draft, said: dict[str, str]) -> None:
    """The Creative Commons licence that was chosen: its URI says which one, its name may be in any language."""
    uri, name = said.get("uri"), said.get("name")
    if uri and not name and not identifiers.is_url(uri):
        uri, name = None, uri
    if uri:
        found = licences.read(uri, draft.notes).rights
        draft.rights.append(Rights(name or None, found.uri or uri, found.spdx))
    elif name:
        draft.rights.append(licences.read(name, draft.notes).rights)
