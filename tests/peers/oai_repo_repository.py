"""The oai-repo process as a test sees it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from held import Held
from peer_process import PeerProcess


@dataclass
class OaiRepoRepository(PeerProcess):
    """A repository run by oai-repo.

    `deletions`: `told` (deleted records are listed with their status, as the library's documentation asks) or `dropped`
    (the data interface knows nothing of them). `watched`: a token ends with any change of the records; else only with
    fewer of them. `sized`: the data interface tells how many records a list has. `described`: sets have an empty
    list of descriptions; else the library's own default, which is None. `typed`: earliestDatestamp is given as a datetime,
    else as text; the documentation allows both.
    """

    limit: int = 4
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    deletions: str = "told"
    watched: bool = False
    sized: bool = True
    described: bool = True
    typed: bool = False

    @property
    def shown(self) -> list[Held]:
        """What its ListRecords ought to bring: live records, with datestamps as its granularity has them."""
        days = self.granularity == "YYYY-MM-DD"
        return [each.in_days() if days else each for each in self.holds.values() if not each.deleted]

    def script(self) -> list[str]:
        names = ("limit", "granularity", "deletions", "watched", "sized", "described", "typed")
        return ["oai_repo_server.py", json.dumps({name: getattr(self, name) for name in names})]


ServeOaiRepo = Callable[..., OaiRepoRepository]  # of the fixture `serve_oai_repo`
