"""MARC 300-362 and 5XX: extent and medium, notes, contents, abstract, thesis."""

import re

from harvester.crosswalk.fields import dates, languages, types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.marc_punctuation import trimmed, unsigned
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Date, Description, Thesis

# Thesis (Ph. D.)--Harvard University, 1998. / Diss. (M.A.) - Univ. Bonn
_THESIS = re.compile(
    r"(?:[^()]{1,60}?) ?\((?P<degree>[^()]{1,60})\) ?(?:--?|–|—|,) ?(?P<grantor>[^,;]{3,200}?)(?:, (?:c|\[)?(?P<year>[0-9]{4})\]?)?\.?"
)
_TYPES = {"514": "technical", "516": "technical", "538": "technical", "505": "toc"}


def _note(record: Record, field: Field) -> None:
    """Any other note: its subfields in their order."""
    codes = "".join(code for code in dict.fromkeys(field.codes) if code.isalpha() and code not in "uwx")
    text = " ".join(field.every(codes)) if codes else ""
    if text:
        record.draft.descriptions.append(Description(text, _TYPES.get(field.tag, "other"), _language(field)))


def _summary(record: Record, field: Field) -> None:
    """520, an abstract unless the first indicator says otherwise; the second is Invenio's for formats and sizes."""
    if field.ind2 in ("1", "2"):
        getattr(record.draft, "formats" if field.ind2 == "1" else "sizes").extend(field.every("a"))
        return
    kind = "other" if field.ind1 in ("1", "4") else "abstract"
    text = "\n".join(field.every("abh"))  # CDS writes a second language as $h
    if text:
        record.draft.descriptions.append(Description(text, kind, _language(field)))


def _language(field: Field) -> str | None:
    """$9 of NUSL is the language's code; of others the note's source."""
    code = field.peek("9")
    tag = languages.tag(code) if len(code) == 3 and code.islower() else None
    if tag:
        field.first("9")
    return tag


def _language_note(record: Record, field: Field) -> None:
    """546, a sentence; or, by OJS, the language's code."""
    for said in field.every("a"):
        tag = languages.tag(said.rstrip(".")) if len(said) <= 30 and "," not in said else None
        if tag:
            record.draft.languages.append(tag)
        else:
            record.draft.descriptions.append(Description(said, "other"))


def _thesis(record: Record, field: Field) -> None:
    """502: $b degree, $c institution, $d year, $g notes; or all of it as one sentence in $a."""
    draft = record.draft
    draft.weigh(types.Weighed(types.DCMI, "Dissertation"))
    said = " ".join(field.every("ag"))
    degree, grantor, year = (trimmed(field.first(code)) for code in "bcd")
    match = _THESIS.fullmatch(field.peek("a")) if len(field.peek("a")) <= 400 else None
    if match:
        degree, grantor, year = (
            degree or match["degree"],
            grantor or match["grantor"].strip(" -"),
            year or match["year"] or "",
        )
    if said:
        draft.descriptions.append(Description(said, "other"))
    for text in (year, field.peek("a")):  # NUSL: $a is the day of the defence
        when = dates.edtf(text) if text[:4].isdecimal() and len(text) <= 10 else None
        if when:
            draft.dates.append(Date("Accepted", when.value, when.start, when.end, text))
    own = draft.thesis or Thesis()
    if degree or grantor:
        if (own.qualification and degree and own.qualification != degree) or (
            own.grantor and grantor and own.grantor != grantor
        ):
            draft.descriptions.append(
                Description(", ".join(part for part in (degree, grantor) if part), "other")
            )
        draft.thesis = Thesis(
            own.qualification or degree or None, own.level, own.grantor or grantor or None, own.department, own.advisors
        )  # fmt: skip


def _extent(record: Record, field: Field) -> None:
    """300: `9 p. : ill. ; 26 cm`, as catalogues show it."""
    parts = field.every("abcdefg")
    text = ""
    for part in parts:
        text += (" " if not text or text[-1] in ":;+=/,(" else "; ") + part if text else part
    if text:
        record.draft.sizes.append(unsigned(text))


def _content(record: Record, field: Field) -> None:
    """336: the term, else the code."""
    for said in field.every("a" if field.has("a") else "b"):
        general = terms("marc-types", "content").get(folded(said))
        if general:
            record.draft.weigh(types.Weighed(types.VAGUE, general))
        else:
            record.draft.weigh(types.read(said, record.draft.notes))


def _carrier(record: Record, field: Field) -> None:
    """338 and 340: online resource, volume; NUSL writes media types."""
    for said in field.every("a" if field.has("a") else "b"):
        name = (
            terms("marc-types", "carriers").get(folded(said), said) if field.tag == "338" else trimmed(said)
        )
        record.draft.formats.append(name)


def _digital_file(record: Record, field: Field) -> None:
    """347: $b encoding format, $c size."""
    record.draft.formats.extend(field.every("b"))
    record.draft.sizes.extend(field.every("c"))


def _collection(record: Record, field: Field) -> None:
    """980: where Invenio keeps its types (ConferencePaper; publication and article), beside the names of collections."""
    for code in "ab":
        found = [types.read(said, []) for said in field.every(code)]
        for each in found:
            record.draft.weigh(each)
        if not all(found):
            field.untake(code)


READERS = (
    readers("sizes", {"300": _extent})
    | readers("type", {"336": _content, "980": _collection})
    | readers("formats", {"338": _carrier, "340": _carrier, "347": _digital_file})
    | readers(
        "descriptions",
        dict.fromkeys(
            (
                "362", "500", "501", "504", "505", "507", "508", "510", "511", "513", "514", "515", "516", "518", "521",
                "524", "525", "526", "530", "533", "534", "535", "538", "541", "544", "545", "547", "550", "552", "555",
                "556", "561", "562", "563", "580", "581", "583", "584", "585", "586", "588", "590",
            ),
            _note,
        )
        | {"520": _summary, "546": _language_note, "502": _thesis},
        paragraphs=True,
    )
)  # fmt: skip
