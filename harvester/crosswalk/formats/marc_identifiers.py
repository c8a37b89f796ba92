"""MARC 001-088: numbers of the record and of what it describes."""

import re

from harvester.crosswalk.fields import check_digits, containers, identifiers
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.marc_record import Field, Record, readers

_PREFIXED = re.compile(r"\(([^()]{1,40})\) ?(.{1,200})")
_OCLC = re.compile(r"oc[mn]?(?=[0-9])|on(?=[0-9])", re.IGNORECASE)
_HYPHENS = dict.fromkeys(range(0x2010, 0x2016), "-")
REPORT = "report_number"


def control_number(record: Record) -> None:
    """001, known by the agency of 003: (SzGeCERN)2653609."""
    number, agency = record.control.get("001"), record.control.get("003")
    if number and agency == "OCoLC":
        _add(record, Known(_OCLC.sub("", number), "oclc"), number)
    elif number:
        text = f"({agency}){number}" if agency else number
        _add(record, Known(text, "other"), text)
    elif agency:
        record.draft.pass_over("controlfield 003")


def bracketed(text: str) -> tuple[str, str]:
    """(prefix, number) of `(DE-588)118540238`; the prefix in lower case, "" where there is none."""
    text = text.removeprefix("AUTHOR|")  # CDS and INSPIRE
    match = _PREFIXED.fullmatch(text)
    return (match[1].strip(), match[2].strip()) if match else ("", text)


def authority(prefix: str) -> str:
    """The scheme that a prefix in brackets stands for; itself in lower case where it is not known."""
    return terms("marc-identifiers", "authorities").get(folded(prefix), prefix.lower())


def typed(record: Record, said: str, stated: str) -> Known:
    """An identifier whose scheme is stated; where it plainly is another one, that is said."""
    known = identifiers.typed(said, stated)
    name = terms("marc-identifiers", "schemes").get(folded(stated), stated.lower())
    if (
        known.scheme != name
        and name not in ("url", "urn", "ean")
        and known.scheme != identifiers.typed("x", stated).scheme
    ):
        record.draft.note("identifiers", "scheme_differs", f"{stated}: {said}")
    return known


def _add(record: Record, known: Known, raw: str) -> None:
    record.draft.found.append((known, raw))


def _bibliography_number(record: Record, field: Field) -> None:
    """010, 015, 016, 027, 030, 088: a number in a scheme that the field names."""
    scheme = {"010": "lccn", "015": "nbn", "016": "nbn", "027": REPORT, "030": "coden", "088": REPORT}
    source = field.first("2")
    for number in field.every("a9" if field.tag == "088" else "a"):  # CDS writes 088 $9
        text = f"({source}){number}" if source else number
        if field.tag == "010":
            text, slash, _ = number.replace(" ", "").partition(
                "/"
            )  # https://www.loc.gov/marc/lccn-namespace.html
            if slash:
                record.draft.note("identifiers", "identifier_cut", number)
        _add(record, Known(text, scheme[field.tag]), text)


def _isbn(record: Record, field: Field) -> None:
    """020 $a holds the number and, in old records, its qualification: `0444899251 (pbk.)`."""
    for said in field.every("a"):
        number, rest = _split(said.translate(_HYPHENS))
        isbn = check_digits.isbn13(number)
        _add(record, Known(isbn or said, "isbn" if isbn else "other"), said)
        if isbn is None or rest:
            record.draft.note("identifiers", "identifier_cut" if isbn else "isbn_check_digit", said)


def _issn(record: Record, field: Field) -> None:
    """022: a serial's own number, else that of the journal which an article appeared in."""
    for said in field.every("al"):
        number = issn(said)
        _add(record, Known(number or said, "issn" if number else "other"), said)
        if number is None:
            record.draft.note("identifiers", "issn_check_digit", said)
        elif record.leader[7:8] not in ("s", "i"):
            record.draft.container = containers.with_issn(record.draft.container, number)


def issn(said: str) -> str | None:
    """The ISSN of `0893-8083 ;` or `2227-2593 (online)`; None where it is none."""
    number, rest = _split(said)
    return None if rest else check_digits.issn(number)


def _split(said: str) -> tuple[str, str]:
    """(number, what else is said): a qualification in brackets, as in `0444899251 (pbk.) :`, is no part of either."""
    bare = said.strip(" ;:,\\")
    number, _, rest = bare.lstrip("(").partition("(")
    number, sign, more = number.strip(" ;:,)").partition(" ")
    while sign and more and more.replace(" ", "").replace("-", "").rstrip("xX").isdigit():
        number, sign, more = number + more.replace(" ", ""), "", ""  # 3 16 148410 0
    return number.rstrip(" ;:,"), (more + rest.partition(")")[2]).strip(" ;:,.()")


def _standard_number(record: Record, field: Field) -> None:
    """024: the scheme is in the first indicator or in $2."""
    stated = field.first("2")
    scheme = terms("marc-identifiers", "standard_numbers").get(field.ind1, "") or stated
    scheme = terms("marc-identifiers", "schemes").get(folded(scheme), scheme)
    further = field.peek("q") == "alternateIdentifier"  # Zenodo: its own DOI comes later
    for said in field.every("ao"):  # Invenio writes $o for a DOI that is not its own
        if scheme:
            known = typed(record, said, scheme)
            (record.further if further else record.draft.found).append((known, said))
        else:
            record.draft.identify(said)


def _publisher_number(record: Record, field: Field) -> None:
    """028: a number of the publisher, mostly of music; its source is part of it."""
    label = field.first("b")
    for number in field.every("a"):
        said = f"{label} {number}" if label else number
        _add(record, Known(said, "publisher_number"), said)
    if not field.has("a"):
        field.untake("b")


def _system_number(record: Record, field: Field) -> None:
    """035: the number in another system, named in brackets, or by Invenio in $9."""
    system = field.first("9")
    for said in field.every("a"):
        prefix, number = bracketed(said)
        scheme = authority(prefix) if prefix else system.lower()
        if scheme == "oclc":
            number = _OCLC.sub("", number)
        if scheme in ("oclc", "orcid", "gnd", "isni"):
            _add(record, Known(number, scheme), said)
        elif prefix:
            _add(record, Known(said, "other"), said)
        elif system:
            known = identifiers.typed(said, system)
            _add(record, known, said)
            if known.scheme != "".join(system.lower().split()):
                field.untake("9")  # oai:arXiv.org:hep-ex/0007006 says itself what it is
        else:
            record.draft.identify(said)
    if not field.has("a"):
        field.untake("9")


def _acquisition(record: Record, field: Field) -> None:
    """037: a dealer's stock number where $b names him; with Invenio the report number, and arXiv's."""
    if field.has("b"):
        return
    source = field.first("9")
    for said in field.every("a"):
        if source.lower() == "arxiv":
            _add(record, identifiers.typed(said, source), said)
        else:
            _add(record, (None if source else identifiers.identify(said)) or Known(said, REPORT), said)
    if source.lower() != "arxiv":
        field.untake("9")


def _government_number(record: Record, field: Field) -> None:
    """086: the number of a government document; 0 is the Superintendent of Documents'."""
    scheme = {"0": "sudoc", "1": "canadian_government"}.get(field.ind1) or field.first("2").lower() or "other"
    for number in field.every("a"):
        _add(record, Known(number, scheme), number)


READERS = readers("identifiers", {
    "010": _bibliography_number, "015": _bibliography_number, "016": _bibliography_number, "020": _isbn, "022": _issn,
    "024": _standard_number, "027": _bibliography_number, "028": _publisher_number, "030": _bibliography_number,
    "035": _system_number, "037": _acquisition, "086": _government_number, "088": _bibliography_number,
})  # fmt: skip
