"""The form of an entry in the catalogue: no absent values, and nothing twice, so that a row stays small.

The title has a column of its own; an abstract is nearly always the first description and then not repeated.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from harvester.entry import Entry


def pack(entry: Entry) -> str:
    """What is stored, as JSON: `Entry.compact` less the title, and less an abstract that is the first description's text."""
    stored: dict[str, Any] = entry.compact()
    stored.pop("title", None)
    if entry.descriptions:
        if entry.abstract == entry.descriptions[0].text:
            del stored["abstract"]
        elif entry.abstract is None:
            stored["abstract"] = None  # else the first description would be taken for it
    return orjson.dumps(stored).decode()  # 20 times as fast as json, which took a tenth of a page's time


def unpack(stored: Mapping[str, Any], title: str | None) -> Entry:
    """The entry that `pack` was given."""
    value = {**stored, "title": title}
    if "abstract" not in stored and stored.get("descriptions"):
        value["abstract"] = stored["descriptions"][0]["text"]
    return Entry.from_json(value)


def value(packed: str | None) -> Any:
    """What `pack` made, as the catalogue gives it back."""
    return None if packed is None else orjson.loads(packed)
