"""MARC 506, 536, 540, 542: access, funding, terms of use, copyright."""

from harvester.crosswalk.fields import dates, funding, licences, names
from harvester.crosswalk.fields.vocabulary import folded
from harvester.crosswalk.formats.marc_punctuation import trimmed
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Rights

# 506 $f (Standardized Terminology for Access Restriction), and NUSL's word in $a
_ACCESS = {
    "unrestricted online access": "open", "unrestricted access": "open", "public": "open",
    "online access with authorization": "restricted", "license restricted": "restricted",
    "no online access": "restricted", "metadata-only": "metadata_only",
}  # fmt: skip


def _access(record: Record, field: Field) -> None:
    """506: the words, and what the first indicator says: 0 no restrictions, 1 restrictions."""
    draft = record.draft
    texts = field.every("a")
    terms = [said for said in field.every("f") if folded(said).rstrip(".") in _ACCESS]
    if not terms:
        field.untake("f")  # CDS: whether groups or addresses are meant
    uri = field.first("u") or None
    if not texts and terms:
        texts, terms = terms, []
    for said in texts:
        access = _ACCESS.get(folded(said).rstrip("."))
        statement = licences.read(said, draft.notes)
        draft.rights.append(Rights(statement.rights.text, statement.rights.uri or uri, statement.rights.spdx))
        draft.access = draft.access or access or statement.access
    for term in terms:
        draft.rights.append(Rights(term, uri))
        draft.access = draft.access or _ACCESS.get(folded(term).rstrip("."))
    if uri and not texts:
        draft.rights.append(Rights(None, uri))
    if texts or uri:
        draft.access = draft.access or {"0": "open", "1": "restricted"}.get(field.ind1)


def _terms_of_use(record: Record, field: Field) -> None:
    """540: $a words, $f a standard term, $u the licence's URI: one statement, whose parts must not contradict."""
    draft = record.draft
    texts, uris, part = field.every("af"), field.every("u"), field.first("3")
    if part:  # CERN: $3 Preprint $a CC-BY-4.0, of an article that its publisher holds
        said = [*texts, *uris]
        draft.rights.extend(Rights(f"{part}: {text}") for text in said)
        draft.note("licence", "licence_of_a_part", f"{part}: {'; '.join(said)}")
        return
    uri = uris[0] if uris else None
    linked, doubt = licences.spdx_of_uri(uri) if uri else (None, None)
    if doubt and not texts:
        draft.note("licence", doubt, uri)
    spoken = [licences.read(said, draft.notes if linked is None else []) for said in texts]
    for statement in spoken:
        draft.access = draft.access or statement.access
    for at, statement in enumerate(spoken):
        own = statement.rights
        spdx = linked if at == 0 and linked else own.spdx
        if linked and own.spdx and own.spdx != linked:
            draft.note("licence", "licences_differ", f"{own.spdx}, {linked}")
            spdx = None
        draft.rights.append(Rights(own.text, (uri if at == 0 else None) or own.uri, spdx))
    if uri and not spoken:
        statement = licences.read(uri, [])
        draft.rights.append(statement.rights)
        draft.access = draft.access or statement.access
    draft.rights.extend(licences.read(further, draft.notes).rights for further in uris[1:])


def _copyright(record: Record, field: Field) -> None:
    """542: $d holder, $f statement, $g year, $l status, by which Invenio means the access right."""
    draft = record.draft
    uri = field.first("u") or None
    for said in field.every("fn"):
        statement = licences.read(said, draft.notes)
        draft.rights.append(Rights(statement.rights.text, statement.rights.uri or uri, statement.rights.spdx))
        uri = None
    for said in field.every("l"):
        access = licences.read(said, []).access or _ACCESS.get(folded(said))
        draft.access = draft.access or access
        draft.rights.append(Rights(said, uri))
        uri = None
    if uri:
        draft.rights.append(licences.read(uri, draft.notes).rights)
    for said in field.every("d"):
        draft.contributors.append(
            names.read(trimmed(said), draft.notes, field="contributors", role="RightsHolder")
        )
    for said in field.every("g"):
        draft.dates.append(dates.read(said, draft.notes, type="Copyrighted", latest=draft.latest))


def _funding(record: Record, field: Field) -> None:
    """536: $a names the funder. In Invenio-RDM, known by 542 $l, it is the award's title
    (invenio_rdm_records/resources/serializers/marcxml/schema.py, get_funding)."""
    said = field.first("a")
    awards = field.every("bcdf")
    titled = record.is_invenio and bool(said)
    for award in awards or [""]:
        found = funding.reference("" if titled else trimmed(said), award, title=said if titled else "")
        record.draft.add("funding", found)


READERS = readers(
    "rights", {"506": _access, "540": _terms_of_use, "542": _copyright}, paragraphs=True
) | readers("funding", {"536": _funding})
