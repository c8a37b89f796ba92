"""A repository that misbehaves on request: `harvester mock`, and the other end of the test suite."""

from collections.abc import Mapping
from types import MappingProxyType

from harvester.mock.exchange import Access
from harvester.mock.faults import KNOWN
from harvester.mock.host import FakeHost
from harvester.mock.repository import FakeRepository
from harvester.mock.store import Record, Store

# name → one line that says what happens, options in backquotes
FAULTS: Mapping[str, str] = MappingProxyType({name: fault.description for name, fault in KNOWN.items()})

__all__ = ["FAULTS", "Access", "FakeHost", "FakeRepository", "Record", "Store"]
