"""Metadata element in, Entry out: one module per format, chosen by the root element; `fields/` reads the values.

Pure: no clock, no network, no database. Knows nothing of where a record came from beyond what it is handed.
"""

from harvester.crosswalk.reading import Context, Crosswalk, Reading
from harvester.crosswalk.registry import normalise

__all__ = ["Context", "Crosswalk", "Reading", "normalise"]
