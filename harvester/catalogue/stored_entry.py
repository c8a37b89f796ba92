"""The form of an entry in the catalogue: no absent values, and nothing twice, so that a row stays small.

The title has a column of its own; an abstract is nearly always the first description and then not repeated.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from harvester.entry import Entry

_FIRST_DESCRIPTION, _NONE = (
    None,
    "",
)  # what stands for an abstract that need not be stored, and for one that is not there


def pack(entry: Entry) -> str:
    """What is stored, as JSON: `Entry.compact` less the title, and less an abstract that is the first description's text."""
    abstract = entry.abstract
    if entry.descriptions:
        abstract = _FIRST_DESCRIPTION if abstract == entry.descriptions[0].text else abstract or _NONE
    return msgspec.json.encode(msgspec.structs.replace(entry, title=None, abstract=abstract)).decode()


def unpack(stored: Mapping[str, Any], title: str | None) -> Entry:
    """The entry that `pack` was given."""
    value = {**stored, "title": title}
    if "abstract" not in stored and stored.get("descriptions"):
        value["abstract"] = stored["descriptions"][0]["text"]
    return Entry.from_json(value)


def value(packed: str | None) -> Any:
    """What `pack` made, as the catalogue gives it back."""
    return None if packed is None else msgspec.json.decode(packed)
