"""DSpace's metadata fields and the rules that read them: the one table of dim and xoai, keyed `dc.contributor.author`.

After DSpace's registries (dspace/config/registries/*.xml) and what repositories add to them. Fields of other schemas,
and qualifiers that are a repository's own, are left under their name. Names are compared in lower case.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harvester.crosswalk import dcterms
from harvester.crosswalk.formats import dspace_context as context
from harvester.crosswalk.formats import dspace_people as people
from harvester.crosswalk.formats import dspace_rules as rules
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.dspace_item import Item, Value
from harvester.crosswalk.formats.dspace_rules import (
    Rule,
    dated,
    described,
    identified,
    plain,
    relation,
    titled,
)

Qualified = Callable[[Item, Value, str], None]

_SEVERAL = ("dc.contributor", "dc.creator", "dcterms.c", "person.", "oaire", "project.", "organization.")


def take(item: Item, value: Value) -> None:
    """Give a value to the rule of its field, else to that of its element, else leave it.

    The same value twice in a field says no more than once, but of people: there are authors of the same name.
    """
    key = value.label.lower()
    rule = FIELDS.get(key)
    if value.text == people.PLACEHOLDER and key != people.AFFILIATION:
        return
    family, qualifier = None, ""
    if rule is None:
        element, _, qualifier = value.label.rpartition(".")
        family = FAMILIES.get(element.lower())
        if family is None:
            item.leave(value)
            return
    if not key.startswith(_SEVERAL):
        known = (key, value.language, value.text)
        if known in item.read:
            return
        item.read.add(known)
    if rule is not None:
        rule(item, value)
    elif family is not None:
        family(item, value, qualifier)


def settle(item: Item) -> None:
    """Read what was kept back until all values were known."""
    people.settle(item)
    context.settle(item)
    languages = item.draft.languages
    if len(languages) > 1:  # dc.language "English" beside dc.language.iso "en_US" is one language, said twice
        regional = {tag.partition("-")[0] for tag in languages if "-" in tag}
        item.draft.languages = [tag for tag in languages if tag not in regional]


def _each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_WHO = {
    **_each("dc.contributor.author", people.author),
    **_each("dc.creator dcterms.creator dc.creator.author", people.creator),
    **_each("dc.contributor dcterms.contributor", people.plain_contributor),
    **_each("dc.contributor.advisor dc.contributor.supervisor dc.contributor.thesisadvisor", people.advisor),
    **_each("dc.rights.holder dc.rightsholder dcterms.rightsholder", people.rights_holder),
    **_each(
        "dc.contributor.orcid dc.contributor.authororcid dc.creator.orcid dc.identifier.orcid person.identifier.orcid",
        people.orcid,
    ),
    **_each(people.AFFILIATION, people.affiliation),
    **_each(
        "person.givenname person.familyname person.affiliation.name organization.legalname", people.of_entity
    ),
    **_each("dc.publisher dcterms.publisher", plain(oai_dc.publisher)),
}  # fmt: skip

_WHAT = {
    **_each("dc.title dcterms.title", titled(None)),
    **_each("dc.title.alternative dcterms.alternative", titled("alternative")),
    **_each("dc.title.translated dc.title.translation dc.title.parallel", titled("translated")),
    **_each("dc.title.subtitle", titled("subtitle")),
    **_each("dc.title.other dc.title.uniform", titled("other")),
    **_each("dc.description dcterms.description", described(None)),
    **_each("dc.description.abstract dcterms.abstract", described("abstract")),
    **_each("dc.description.tableofcontents dcterms.tableofcontents", described("toc")),
    **_each("dc.description.methods dc.description.methodology", described("methods")),
    **_each("dc.description.series dc.description.seriesinformation", described("series")),
    **_each("dc.description.technical dc.description.technicalinfo", described("technical")),
    **_each(
        "dc.description.provenance dc.provenance dcterms.provenance dc.description.statementofresponsibility"
        " dc.description.note dc.description.notes dc.description.other dc.audience dcterms.audience",
        described("other"),
    ),
    **_each("dc.description.uri", relation("IsDescribedBy")),
    **_each(
        "dc.type dcterms.type dc.type.genre dc.type.dcmi dc.type.dcmitype dc.type.coar dc.type.uri dc.type.other",
        plain(oai_dc.type_),
    ),
    **_each(
        "dc.language dcterms.language dc.language.iso dc.language.rfc3066 dc.language.other", plain(oai_dc.language)
    ),
    **_each("dc.subject dcterms.subject dc.subject.other dc.subject.keyword dc.subject.keywords", rules.keyword),
    **_each("dc.subject.classification", rules.keyword),
    **_each("dc.coverage dcterms.coverage", plain(oai_dc.coverage)),
    **_each("dc.coverage.spatial dcterms.spatial", rules.spatial),
    **_each("dc.coverage.temporal dcterms.temporal", plain(dcterms.temporal)),
    **_each("dc.format dcterms.format dc.format.mimetype", plain(oai_dc.format_)),
    **_each("dc.format.medium dcterms.medium", rules.medium),
    **_each("dc.format.extent dcterms.extent", rules.extent),
    **_each("dc.description.version dc.type.version oaire.version dc.version", rules.version),
}  # fmt: skip

# The day DSpace took the item in (accessioned) is the repository's: Other, lest it pass for a date of the item
_WHEN = {
    **_each("dc.date dcterms.date", plain(oai_dc.date)),
    **_each("dc.date.issued dcterms.issued dc.date.published dc.date.publication", dated("Issued")),
    **_each("dc.date.available dcterms.available", dated("Available")),
    **_each("dc.date.accessioned", dated("Other")),
    **_each("dc.date.created dcterms.created", dated("Created")),
    **_each("dc.date.submitted dcterms.datesubmitted", dated("Submitted")),
    **_each("dc.date.accepted dc.date.dateaccepted dcterms.dateaccepted", dated("Accepted")),
    **_each("dc.date.copyright dc.date.copyrighted dcterms.datecopyrighted", dated("Copyrighted")),
    **_each("dc.date.updated dc.date.modified dcterms.modified", dated("Updated")),
    **_each("dc.date.collected", dated("Collected")),
    **_each("dc.date.valid dcterms.valid", dated("Valid")),
    **_each("dc.date.withdrawn", dated("Withdrawn")),
    **_each("dc.date.awarded dc.date.defense dc.date.defence dc.date.graduated", dated("Other")),
    **_each(
        "dc.date.embargo dc.date.embargoend dc.date.embargoenddate dc.date.embargodate dc.date.embargountil"
        " dc.date.embargolift dc.embargo.lift dc.embargo.enddate dc.rights.embargodate dc.rights.embargoenddate"
        " dc.description.embargo dc.description.embargodate local.embargo.lift",
        rules.embargo,
    ),
}  # fmt: skip

_WHICH = {
    **_each("dc.identifier dcterms.identifier dc.identifier.uri dc.identifier.other", plain(oai_dc.identifier)),
    **_each("dc.identifier.eissn dc.identifier.pissn dc.identifier.issn", identified("issn")),
    **_each("dc.identifier.isi dc.identifier.wos", identified("wos")),
    **_each(
        "dc.identifier.citation dcterms.bibliographiccitation dc.bibliographiccitation dc.description.citation"
        " dc.identifier.bibliographiccitation",
        context.citation,
    ),
    **_each("dc.relation dcterms.relation", plain(oai_dc.relation)),
    **_each("dc.relation.uri dc.relation.url dc.relation.doi dc.relation.other", relation("Other")),
    **_each("dc.relation.ispartof dcterms.ispartof", context.parent),
    **_each("dc.relation.ispartofseries", context.series),
    **_each("dc.relation.isbasedon", relation("IsDerivedFrom")),
    **_each("dc.relation.publisherversion dc.relation.isversionofdoi", relation("IsVersionOf")),
    **_each("dc.relation.isbn", relation("IsPartOf")),
    **_each("dc.relation.issn creativeworkseries.issn", context.journal_issn),
    **_each("dc.source dcterms.source", plain(oai_dc.source)),
    **_each("dc.source.uri", relation("IsDerivedFrom")),
    **_each("dc.rights dcterms.rights dc.rights.uri dc.rights.license dc.rights.licence dcterms.license", plain(oai_dc.rights)),
    **_each("dc.rights.accessrights dc.rights.access dc.rights.accesslevel dc.rights.coar dcterms.accessrights", plain(oai_dc.rights)),
    **{f"dcterms.{name.lower()}": relation(name) for name in (
        "hasPart", "isVersionOf", "hasVersion", "replaces", "isReplacedBy", "requires", "isRequiredBy", "references",
        "isReferencedBy", "isFormatOf", "hasFormat", "conformsTo",
    )},
}  # fmt: skip

_CONTEXT = {
    **_each(
        "dc.relation.journal dc.relation.ispartofjournal dc.source.title dc.source.journal dc.source.journaltitle"
        " dc.identifier.journal dc.identifier.journaltitle dc.title.journal dc.citation.title dc.citation.journaltitle"
        " oaire.citation.title prism.publicationname dc.bibliographiccitation.title",
        context.source("title"),
    ),
    **_each(
        "dc.source.volume dc.identifier.volume dc.citation.volume oaire.citation.volume prism.volume"
        " dc.bibliographiccitation.volume dc.description.volume publicationvolume.volumenumber",
        context.source("volume"),
    ),
    **_each(
        "dc.source.issue dc.identifier.issue dc.citation.issue oaire.citation.issue prism.number"
        " dc.bibliographiccitation.issue dc.description.issue publicationissue.issuenumber",
        context.source("issue"),
    ),
    **_each(
        "dc.source.beginpage dc.identifier.startpage dc.identifier.spage dc.citation.spage dc.citation.firstpage oaire.citation.startpage"
        " prism.startingpage dc.bibliographiccitation.stpage dc.bibliographiccitation.initialpage dc.description.startpage",
        context.source("first_page"),
    ),
    **_each(
        "dc.source.endpage dc.identifier.endpage dc.identifier.epage dc.citation.epage dc.citation.lastpage oaire.citation.endpage"
        " prism.endingpage dc.bibliographiccitation.endpage dc.bibliographiccitation.lastpage dc.description.endpage",
        context.source("last_page"),
    ),
    **_each("oaire.citation.edition", context.source("edition")),
    **_each("dc.identifier.articlenumber dc.citation.articlenumber", context.source("number")),
    **_each(
        "thesis.degree.name etd.degree.name etdms.degree.name dc.description.degree dc.description.degreename"
        " dc.degree.name",
        context.thesis("qualification"),
    ),
    **_each(
        "thesis.degree.level etd.degree.level etdms.degree.level dc.description.degreelevel dc.degree.level"
        " dc.type.degree",
        context.thesis("level"),
    ),
    **_each(
        "thesis.degree.grantor etd.degree.grantor etdms.degree.grantor dc.description.degreegrantor dc.degree.grantor"
        " dc.publisher.institution",
        context.thesis("grantor"),
    ),
    **_each(
        "thesis.degree.department etd.degree.department dc.description.department dc.degree.department",
        context.thesis("department"),
    ),
    **_each(
        "thesis.degree.discipline etd.degree.discipline etdms.degree.discipline dc.degree.discipline",
        context.discipline,
    ),
    **_each("dc.description.sponsorship dc.relation.funding", context.sponsor),
    **_each("dc.relation.project dc.relation.projectid dc.relation.grantno", context.project),
    **_each("oaire.awardnumber project.identifier.award", context.award("award")),
    **_each("oaire.awardtitle", context.award("title")),
    **_each("oaire.awarduri", context.award("uri")),
    **_each("project.funder.name", context.award("funder")),
    **_each("project.funder.identifier", context.award("funder_id")),
}  # fmt: skip

FIELDS: Mapping[str, Rule] = MappingProxyType(_WHO | _WHAT | _WHEN | _WHICH | _CONTEXT)

# For qualifiers that are not named above: they are the role, the scheme, the kind
FAMILIES: Mapping[str, Qualified] = MappingProxyType({
    "dc.contributor": people.contributor,
    "dc.identifier": rules.other_identifier,
    "dc.subject": rules.classified,
    "dc.relation": rules.related,
})  # fmt: skip
