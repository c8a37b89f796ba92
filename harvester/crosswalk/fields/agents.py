"""People and organisations whose name, identifiers and affiliations a format keeps apart.

Pure. What the source separates is taken as it is; a name that comes in one piece is read by `names`.
"""

import dataclasses
import re
from dataclasses import dataclass

from harvester.crosswalk.fields import check_digits, names
from harvester.crosswalk.fields.text import excerpt
from harvester.entry import Affiliation, Agent, AgentIdentifier, Problem

# The URL of an identifier, and the scheme it belongs to; the rest of the URL is the identifier.
_URL = re.compile(
    r"(?:https?://)?(?:www\.)?(?P<host>orcid\.org|isni\.org/isni|isni\.org|ror\.org|d-nb\.info/gnd|viaf\.org/viaf|wikidata\.org/(?:wiki|entity)"
    r"|grid\.ac/institutes|idref\.fr|id\.loc\.gov/authorities/names|researcherid\.com/rid|scopus\.com/authid/detail\.uri\?authorId="
    r"|openalex\.org)/?(?P<value>[^\s/?#]+)/?",
    re.IGNORECASE,
)
_SCHEMES = {
    "orcid.org": "orcid", "isni.org/isni": "isni", "isni.org": "isni", "ror.org": "ror", "d-nb.info/gnd": "gnd",
    "viaf.org/viaf": "viaf", "wikidata.org/wiki": "wikidata", "wikidata.org/entity": "wikidata",
    "grid.ac/institutes": "grid", "idref.fr": "idref", "id.loc.gov/authorities/names": "lcnaf",
    "researcherid.com/rid": "researcherid", "scopus.com/authid/detail.uri?authorid=": "scopus",
    "openalex.org": "openalex",
}  # fmt: skip
LONGEST = 500  # characters of an identifier


@dataclass(slots=True)
class Named:
    """An Agent in the making. `field` is creators or contributors, for problems; names are clean lines or ""."""

    field: str
    name: str = ""
    given: str = ""
    family: str = ""
    kind: str | None = None
    role: str | None = None
    orcid: str | None = None
    identifiers: list[AgentIdentifier] = dataclasses.field(default_factory=list)
    affiliations: list[Affiliation] = dataclasses.field(default_factory=list)

    def identify(self, value: str, scheme: str, notes: list[Problem]) -> None:
        """Take an identifier; `scheme` as the source writes it, or ""."""
        found = identifier(value, scheme)
        if found is None:
            return
        if found.scheme == "orcid":
            orcid = check_digits.orcid(found.value.upper())
            if orcid and self.orcid in (None, orcid):
                self.orcid = orcid
                return
            notes.append(
                Problem(self.field, "orcid_differs" if orcid else "orcid_check_digit", excerpt(value))
            )
        if found not in self.identifiers[:50]:
            self.identifiers.append(found)

    def affiliate(self, name: str, value: str, scheme: str, notes: list[Problem]) -> None:
        """Take an affiliation: its name, and its identifier if there is one ("" for neither)."""
        found = affiliation(name, value, scheme, notes)
        if found and found not in self.affiliations[:50]:
            self.affiliations.append(found)

    def agent(self, notes: list[Problem]) -> Agent | None:
        """The Agent, or None where it has no name."""
        given, family, kind, name = self.given or None, self.family or None, self.kind, self.name
        if not name:
            name = f"{family}, {given}" if given and family else family or given or ""
        if not name:
            if self.orcid or self.identifiers:
                notes.append(Problem(self.field, "name_missing", self.orcid or self.identifiers[0].value))
            return None
        if given or family:
            kind = kind or "person"
        elif kind != "organisation":
            read = names.read(name, notes, field=self.field)
            name, given, family = read.name, read.given, read.family
            self.orcid = self.orcid or read.orcid
            kind = kind or read.kind
        if self.orcid and kind is None:
            kind = "person"
        return Agent(
            name,
            given,
            family,
            kind,
            self.orcid,
            tuple(self.identifiers),
            tuple(self.affiliations),
            self.role,
        )


def identifier(value: str, scheme: str) -> AgentIdentifier | None:
    """An identifier of an agent, its URL taken off where the scheme is known; `scheme` as written, or ""."""
    value = value.strip()
    if not value or len(value) > LONGEST:
        return None
    stated = (
        "".join(scheme.lower().replace("https://", "").replace("http://", "").split()).strip("/.:") or None
    )
    if stated in ("orcid.org", "www.orcid.org", "orcidid", "orcid_id"):
        stated = "orcid"
    stated = _SCHEMES.get((stated or "").removeprefix("www."), stated)
    match = _URL.fullmatch(value)
    if match:
        known = _SCHEMES[match["host"].lower()]
        bare = match["value"]
        return AgentIdentifier(f"https://ror.org/{bare.lower()}" if known == "ror" else bare, known)
    head, colon, rest = value.partition(":")
    if colon and head.lower() in ("orcid", "isni", "gnd", "viaf", "ror") and stated in (None, head.lower()):
        stated, value = head.lower(), rest.strip()
    if stated is None and check_digits.orcid(value):
        stated = "orcid" if "-" in value else "isni"
    if stated == "isni":
        value = value.replace(" ", "")
    if stated == "ror" and check_digits.ror(value):
        value = f"https://ror.org/{value.lower()}"
    return AgentIdentifier(value, stated) if value else None


def affiliation(name: str, value: str, scheme: str, notes: list[Problem]) -> Affiliation | None:
    """An Affiliation; an identifier that is no ROR has no place in it and is said in the problems."""
    found = identifier(value, scheme) if value else None
    ror = None
    if found and found.scheme == "ror" and check_digits.ror(found.value.rpartition("/")[2]):
        ror = found.value
    elif found:
        code = "ror_check_digit" if found.scheme == "ror" else "affiliation_identifier"
        notes.append(Problem("affiliations", code, excerpt(value)))
    return Affiliation(name or None, ror) if name or ror else None
