"""MARC 130, 210-247, 730, 740: the title and its variants.

245 $b is the rest of the title: a subtitle, or after "=" the title in another language.
"""

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed, unsigned, unsorted
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Description, Relation, Title


def _title(record: Record, field: Field) -> None:
    """245."""
    draft = record.draft
    parts = field.pairs("abhnp")
    own = [text for code, text in parts if code in "anp"]
    if own:
        known = any(title.type == "main" for title in draft.titles)
        _add(draft, Title(_joined(own), None if known else "main"))
    before = ""
    for code, text in parts:
        if code == "b":
            _rest_of_title(draft, text, parallel=before.endswith("="), alone=not own)
        elif code == "h":  # general material designation: [sound recording]
            _material(draft, trimmed(text).strip("[] "))
        before = text
    for said in field.every("c"):
        draft.descriptions.append(Description(said, "other"))


def _add(draft: Draft, title: Title) -> None:
    """A title counts once: 246 repeats the parallel title of 245, 240 the title itself."""
    if title.type == "main" or all(title.text != known.text for known in draft.titles[:50]):
        draft.titles.append(title)


def _rest_of_title(draft: Draft, text: str, *, parallel: bool, alone: bool) -> None:
    """`subtitle = Paralleltitel` is two; the title proper stands before the first sign."""
    own, sign, other = text.partition(" = ")
    if said := trimmed(own):
        _add(draft, Title(said, "translated" if parallel else "main" if alone else "subtitle"))
    if sign and (said := trimmed(other)):
        _add(draft, Title(said, "translated"))


def _material(draft: Draft, said: str) -> None:
    if said:
        draft.formats.append(said)
        draft.weigh(types.read(said, []) or genre(said))


def genre(said: str) -> types.Weighed | None:
    """The general type for a term of genre or material that only libraries use."""
    general = terms("marc-types", "genres").get(folded(said)) if len(said) <= types.LONGEST else None
    return types.Weighed(types.WORD, general) if general else None


def _joined(parts: list[str]) -> str:
    """Title, number and name of a part: `Zoology. Part 2, Birds`."""
    clean = [unsorted(part) if at == 0 else part for at, part in enumerate(parts)]
    return heading(
        [part.rstrip(" /=:;") if part.rstrip()[-1] in "/=:;" else _stopped(part) for part in clean[:-1]]
        + clean[-1:]
    )


def _stopped(part: str) -> str:
    return part if part.endswith((".", ",", ";", ":", "?", "!")) else part + "."


def _variant(record: Record, field: Field) -> None:
    """130, 210, 222, 240, 242, 243, 246, 247: other names of the same work."""
    translated = field.tag == "242" or (field.tag == "246" and field.ind2 == "1")
    kind = "translated" if translated else "other" if field.tag == "247" else "alternative"
    pairs = field.pairs("adfgklmnoprst" if field.tag in ("130", "240", "243") else "anp")
    parts = [text for _, text in pairs]
    rest = field.every("b") if field.tag in ("242", "246", "247") else []
    if not parts and rest:
        parts, rest = rest[:1], rest[1:]
    if parts:
        text = unsigned(parts[0]) if field.tag == "210" else _joined(parts)  # 210 is abbreviated
        rest_of = trimmed(" ".join(rest))
        _add(record.draft, Title(f"{text}: {rest_of}" if rest_of else text, kind))


def _work(record: Record, field: Field) -> None:
    """730, 740: the title of a related work, or with the second indicator 2 of one contained in this."""
    parts = field.every("adfgklmnoprst")
    if not parts:
        return
    text = _joined(parts)
    if field.ind2 == "2":
        record.draft.relations.append(Relation("HasPart", text, "other"))
    elif field.tag == "740":
        _add(record.draft, Title(text, "other"))
    else:
        record.draft.relations.append(Relation("Other", text, "other"))


def original_script(record: Record, field: Field) -> None:
    """880 linked to a title: the same in the script of the original; after "=" it is another language again."""
    parts = field.pairs("abhnp")
    own: list[str] = []
    before = ""
    for code, text in parts:
        if code == "b" and before.endswith("="):
            _rest_of_title(record.draft, text, parallel=True, alone=False)
        elif code != "h":
            own.append(text)
        else:
            _material(record.draft, trimmed(text).strip("[] "))
        before = text
    known = "245" in record.tags or any(title.type == "main" for title in record.draft.titles)
    if own:
        _add(
            record.draft, Title(heading([unsorted(text) for text in own]), "alternative" if known else "main")
        )
    for said in field.every("c"):
        record.draft.descriptions.append(Description(said, "other"))


READERS = readers("titles", {
    "130": _variant, "210": _variant, "222": _variant, "240": _variant, "242": _variant, "243": _variant, "245": _title,
    "246": _variant, "247": _variant, "730": _work, "740": _work,
})  # fmt: skip
