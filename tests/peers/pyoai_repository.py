"""The pyoai process as a test sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from held import Held
from peer_process import PeerProcess


@dataclass
class PyoaiRepository(PeerProcess):
    """A repository run by pyoai. `kind`: batching or slicing, which are pyoai's two ways to cut a list into pages."""

    batch: int = 4
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    kind: str = "batching"

    @property
    def shown(self) -> list[Held]:
        """What its ListRecords ought to bring: all, and with seconds whatever its granularity says."""
        return list(self.holds.values())

    def script(self) -> list[str]:
        return ["pyoai_server.py", str(self.batch), self.granularity, self.kind]


Serve = Callable[..., PyoaiRepository]  # of the fixture `serve`
