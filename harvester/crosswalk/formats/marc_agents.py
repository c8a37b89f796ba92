"""MARC 100-111, 700-720: people, organisations and meetings. Who has no role is a creator, as MARC has it.

A 7XX with a title ($t) is another work and no contributor to this one.
"""

from functools import lru_cache

from harvester.crosswalk.fields import relations
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.crosswalk.fields.vocabulary import folded, terms, words
from harvester.crosswalk.formats.marc_identifiers import authority, bracketed
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed
from harvester.crosswalk.formats.marc_record import Field, Reader, Record
from harvester.entry import Agent, Relation, Thesis

MOST_ROLES = 10  # of one person
_RELATORS = "id.loc.gov/vocabulary/relators/"


def _main_entry(record: Record, field: Field) -> None:
    """100, 110, 111: whoever it is, the record is entered under this name."""
    agent = _agent(record, field, "creators")
    if agent is None:
        return
    roles = _roles(field)
    record.main.append(agent)
    _contribute(record, agent, [role for role in roles if role != CREATOR])


def _added_entry(record: Record, field: Field) -> None:
    """700, 710, 711, 720."""
    if field.has("t"):
        _work(record, field)
        return
    agent = _agent(record, field, "contributors")
    if agent is None:
        return
    roles = _roles(field)
    # NUSL writes contributors to a thesis as 720 $i; a meeting and a thesis's university are no authors
    named = field.has("a") or (field.tag == "710" and field.has("g"))
    bystander = field.tag == "711" or (field.tag == "710" and "502" in record.tags) or not named
    if (not roles and not bystander) or CREATOR in roles:
        record.draft.creators.append(agent)
        roles = [role for role in roles if role != CREATOR]
    elif not roles:
        record.draft.contributors.append(agent)
    _contribute(record, agent, roles)


def _contribute(record: Record, agent: Agent, roles: list[str]) -> None:
    """DataCite gives a contributor one role: who has several is named several times."""
    for role in roles[:MOST_ROLES]:
        record.draft.contributors.append(
            Agent(
                agent.name, agent.given, agent.family, agent.kind, agent.orcid, agent.identifiers, agent.affiliations, role
            )
        )  # fmt: skip
        if role == "Supervisor":
            thesis = record.draft.thesis or Thesis()
            if agent.name not in thesis.advisors[:50]:
                record.draft.thesis = Thesis(
                    thesis.qualification, thesis.level, thesis.grantor, thesis.department, (*thesis.advisors, agent.name)
                )  # fmt: skip


def _agent(record: Record, field: Field, list_: str) -> Agent | None:
    """The agent of a field, with the identifiers and affiliations of that field alone."""
    notes = record.draft.notes
    own = trimmed(field.peek("a"))
    named = Named(list_, name=_name(field))
    if field.tag in ("110", "111", "710", "711") or (field.tag == "720" and field.ind1 == "2"):
        named.kind = "organisation"
    elif field.tag != "720" and field.ind1 == "1" and "," in own:
        named.family, _, named.given = (part.strip() for part in own.partition(","))
    elif field.tag != "720" and field.ind1 == "0" and "," not in own:
        named.given = own
    for code, said in field.pairs("01j"):
        text = (
            f"({said.replace(':', ')', 1)}" if code == "j" and ":" in said else said
        )  # INSPIRE: $j ORCID:0000-…
        prefix, number = bracketed(text)
        named.identify(number, authority(prefix) if prefix else "", notes)
    if "orcid.org/" in field.peek("6"):  # NUSL; elsewhere $6 links to 880
        named.identify(field.first("6"), "orcid", notes)
    for said in field.every("u"):
        ror = "ror.org/" in said and " " not in said  # OJS writes the ROR in place of the name
        named.affiliate("" if ror else trimmed(said), said if ror else "", "ror" if ror else "", notes)
    return named.agent(notes)


def _name(field: Field) -> str:
    """The heading: name, numeration, titles, fuller form, dates; of a body its units, of a meeting number and place."""
    if field.tag == "720":
        return heading(field.every("ai"))
    if field.tag.endswith("00"):
        return heading(_separated(field.pairs("abcdq")))
    if field.tag.endswith("10"):
        parts = field.every("abgn")  # INSPIRE writes a collaboration as $g
        return heading([part if part.endswith((".", ",", ":")) else part + "." for part in parts])
    first, rest = field.first("a"), field.every("nepdc")
    if rest and not rest[0].startswith("("):
        return ", ".join(trimmed(part) for part in (first, *rest) if part)
    return heading([first, *rest])


def _separated(pairs: list[tuple[str, str]]) -> list[str]:
    """Records without punctuation: a comma goes before titles and dates, as ISBD has it."""
    parts: list[str] = []
    for code, text in pairs:
        if parts and code in "cd" and parts[-1][-1] not in (",:;)-" if code == "d" else ",.:;)-"):
            parts[-1] += ","
        parts.append(text)
    return parts


def _roles(field: Field) -> list[str]:
    """DataCite contributorTypes, the relator's term, or CREATOR; each once."""
    said = field.every("j4" if field.tag.endswith("11") else "e4")
    return list(dict.fromkeys(role for text in said if (role := _role(text))))


@lru_cache(maxsize=1024)
def _role(said: str) -> str:
    """The role that a relator's term, code or URI names."""
    text = trimmed(said)
    code = text.rstrip("/").rpartition("/")[2] if _RELATORS in text else text
    term = terms("marc-relators", "terms").get(folded(code), code)
    if folded(term) in words("marc-relators", "creators"):
        return CREATOR
    known = contributor_type(code)
    return known if known != code else contributor_type(term)


def _work(record: Record, field: Field) -> None:
    """700-711 with $t: a work by that agent; the second indicator 2 says that it is contained in this one."""
    kind = "HasPart" if field.ind2 == "2" else relations.relation_type(field.first("i")) or "Other"
    name, title = heading(field.every("abcdqg")), heading(field.every("tnpklmorsf"))
    record.draft.relations.append(Relation(kind, f"{name}. {title}" if name else title, "other"))


READERS = {
    tag: Reader(_main_entry, "creators") for tag in ("100", "110", "111")
} | {tag: Reader(_added_entry, "contributors") for tag in ("700", "710", "711", "720")}  # fmt: skip
