"""uketd_dc: theses for the British Library's EThOS. Qualified Dublin Core, and the terms of a degree.

DSpace and EPrints write it for theses, figshare for every item.
"""

from collections.abc import Callable

from lxml import etree

from harvester.crosswalk.dcterms import scheme_of
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, funding, identifiers, media
from harvester.crosswalk.formats import oai_dc, qdc
from harvester.crosswalk.formats.uketd_gathered import (
    BY_ADVISOR,
    BY_AUTHOR,
    Gathered,
    Owned,
    Reference,
    Sum,
    settle,
    with_role,
)
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import Rule
from harvester.crosswalk.tree import Branches, leaf, line, local_name
from harvester.entry import Rights

Taker = Callable[[Gathered, Draft, etree._Element], None]

_MOST_NAMES = 100  # of one element; what follows stays together in the last one
# EPrints says of each document who may see it (its `security`), DSpace of the item (embargotype)
_ACCESS = {
    "public": "open", "staffonly": "restricted", "validuser": "restricted", "restricted": "restricted", "embargo": "embargoed",
}  # fmt: skip
# What EPrints and DSpace write behind the URL of a file is said of that file.
_OF_THE_FILE = frozenset(("format", "language", "checksum"))


def identifier(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    if said:
        _tidied(qdc.identifier, draft, said, element)
    if identifiers.is_url(said) and media.is_file_url(said):
        gathered.begin_file(said)


def format_(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "formats")
    if gathered.file and media.is_media_type(said):
        gathered.file.format = gathered.file.format or said
    if said and said not in draft.formats[:50]:
        _tidied(oai_dc.format_, draft, said, element)


def checksum(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """Of the file before it; that of a licence or of extracted text is of no file of ours."""
    said = line(draft, element, "files")
    if said:
        gathered.checksums.append(Sum(element, scheme_of(element).upper() or None, said, gathered.file))


def advisor(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """EThOS joins several by semicolons, be they only two."""
    for name in line(draft, element, "contributors").split(";", _MOST_NAMES):
        before = len(draft.contributors)
        if not funding.is_nothing(name):
            _tidied(oai_dc.contributor, draft, name.strip(), element)
        for at in range(before, len(draft.contributors)):
            draft.contributors[at] = with_role(draft.contributors[at], "Supervisor")
            gathered.advisors.append(at)


def author_identifier(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """EPrints writes the advisors' behind the advisors, mostly without saying that they are not the author's."""
    said = line(draft, element, "creators")
    if not funding.is_nothing(said):
        stated = (element.get("rel") or "").strip().lower()
        unclear = gathered.advisors and not draft.is_figshare  # whose advisors are mere names
        owner = stated if stated in (BY_AUTHOR, BY_ADVISOR) else "" if unclear else BY_AUTHOR
        gathered.owned.append(Owned(said, scheme_of(element), owner))


def type_(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """EThOS and others write the degree with it: `Thesis (Ph.D.)`."""
    said = line(draft, element, "type")
    head, bracket, tail = said.partition(" (")
    if bracket and tail.endswith(")") and head.lower() in ("thesis", "dissertation"):
        gathered.named = gathered.named or tail[:-1]
        said = head
    if said:
        _tidied(oai_dc.type_, draft, said, element)


def degree(field: str) -> Taker:
    """A term of the degree, which may turn out to be no degree."""

    def take(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
        said = line(draft, element, "thesis")
        if not funding.is_nothing(said):
            gathered.degree[field].append(said)

    return take


def sponsor(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "funding"):
        gathered.grants.append(("sponsor", said))


def grant_number(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "funding"):
        gathered.grants.append(("grant", said))


def referenced_by(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "identifiers"):
        gathered.referenced_by.append(Reference(said, len(draft.found), len(draft.relations)))


def embargo_date(_gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "dates")
    if funding.is_nothing(said):
        return
    end = dates.read(said, draft.notes, type="Available")
    if end not in draft.dates[:50]:
        draft.dates.append(end)
    if end.end:  # of several files the one that is closed longest
        draft.embargo = max(draft.embargo or "", end.end)


def rights(gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """Once: dc:rights and dcterms:license say the same at figshare, accessRights comes with each of EPrints' files."""
    said = line(draft, element, "rights")
    if not said or any(said in (known.text, known.uri) for known in draft.rights[:50]):
        return
    if access := _ACCESS.get(said.lower()):
        gathered.access.add(access)
        draft.rights.append(Rights(said))
    else:
        _tidied(oai_dc.rights, draft, said, element)


def provenance(_gathered: Gathered, draft: Draft, element: etree._Element) -> None:
    """EThOS says here under which OAI identifier it took the record over."""
    said = line(draft, element, "identifiers")
    if said.startswith("oai:"):
        draft.identify(said)
    else:
        leaf(qdc.ELEMENTS["provenance"])(draft, element)


def _tidied(rule: Rule, draft: Draft, said: str, element: etree._Element) -> None:
    """A rule of a flat format, given a line that is clean: entities are read but once."""
    clean, draft.clean = draft.clean, True
    rule(draft, said, element)
    draft.clean = clean


_TAKERS: dict[str, Taker] = {
    "identifier": identifier, "format": format_, "checksum": checksum, "advisor": advisor,
    "authoridentifier": author_identifier, "sponsor": sponsor, "grantnumber": grant_number,
    "isreferencedby": referenced_by, "embargodate": embargo_date, "embargotype": rights, "embargo_reason": rights,
    "embargoreason": rights, "rights": rights, "type": type_, "license": rights, "accessrights": rights, "provenance": provenance,
    "qualificationname": degree("qualification"), "qualificationlevel": degree("level"),
    "institution": degree("grantor"), "department": degree("department"),
}  # fmt: skip

_BRANCHES: Branches = {name: leaf(rule) for name, rule in qdc.ELEMENTS.items()} | {
    "commercial": leaf(oai_dc.publisher),
    "ethosid": leaf(oai_dc.identifier),
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an uketd_dc document."""
    gathered = Gathered()
    if metadata.text and not metadata.text.isspace():
        draft.pass_over(metadata.tag)
    for child in metadata:
        if not (name := local_name(child)):
            continue
        if name not in _OF_THE_FILE:
            gathered.file = None
        if take := _TAKERS.get(name.lower()):
            take(gathered, draft, child)
        elif branch := _BRANCHES.get(name):
            branch(draft, child)
        else:
            draft.leave(child)
    settle(gathered, draft)


CROSSWALK = Crosswalk(
    "uketd_dc",
    1,
    read,
    roots=("{http://naca.central.cranfield.ac.uk/ethos-oai/2.0/}uketddc",),
    local_names=("uketddc", "uketd_dc"),
)
