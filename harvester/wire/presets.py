"""What well-known providers ask of harvesters; what a configuration says or a run observes replaces it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from harvester.config import Quiet


@dataclass(frozen=True, slots=True)
class Preset:
    """`pace`: seconds between two requests. `idempotent_tokens`: does asking a token again give the same page?

    None means unknown. `month_sets`: sets named after months (month_year_10_2016) hold all records. `quiet`: hours in which
    more than a few requests are not wanted.
    """

    name: str | None = None
    pace: float = 0.0
    idempotent_tokens: bool | None = None
    month_sets: bool = False
    quiet: Quiet | None = None


# At most one request a second: docs.figshare.com. Tokens: those of 2017 carry an Elasticsearch scroll
# (`queryThenFetch`, researchgraph/Crosswalks), which advances at every read (elastic/elasticsearch#17151).
_FIGSHARE = Preset("figshare", pace=1.0, idempotent_tokens=False, month_sets=True)
# 30 requests a minute on OAI-PMH: developers.zenodo.org.
_ZENODO = Preset("Zenodo", pace=2.0)
# One request every three seconds, over one connection: info.arxiv.org/help/api/tou.html. The base URL has
# moved from export.arxiv.org to oaipmh.arxiv.org.
_ARXIV = Preset("arXiv", pace=3.0)
# One request every three seconds, none concurrent, more than a hundred only from 21:00 to 05:00 Eastern Time:
# pmc.ncbi.nlm.nih.gov/tools/oai.
_PMC = Preset("PMC", pace=3.0, quiet=Quiet(time(5), time(21), "America/New_York"))

PRESETS: Mapping[str, Preset] = {
    "api.figshare.com": _FIGSHARE,
    "zenodo.org": _ZENODO,
    "www.zenodo.org": _ZENODO,
    "export.arxiv.org": _ARXIV,
    "oaipmh.arxiv.org": _ARXIV,
    "www.ncbi.nlm.nih.gov": _PMC,
    "pmc.ncbi.nlm.nih.gov": _PMC,
}
_NOTHING_KNOWN = Preset()


def preset_for(host: str) -> Preset:
    """The preset for a host as `host_of` gives it; without one, no pause and nothing known."""
    return PRESETS.get(host.lower(), _NOTHING_KNOWN)
