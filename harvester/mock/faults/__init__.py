"""The named faults of the fake repository: data (name, description, options) and one function each."""

from harvester.mock.faults import delivery, lists, selection, text, transport
from harvester.mock.faults.fault import ArmedFaults, Fault

KNOWN: dict[str, Fault] = transport.FAULTS | delivery.FAULTS | text.FAULTS | lists.FAULTS | selection.FAULTS

__all__ = ["KNOWN", "ArmedFaults", "Fault"]
