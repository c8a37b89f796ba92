"""HTTP done politely and safely: the only package that imports requests. Knows no OAI-PMH and no database."""

from harvester.wire.client import Client, Response
from harvester.wire.conditional import Validators, validators_of
from harvester.wire.guard import system_resolve
from harvester.wire.limits import Limits
from harvester.wire.patience import Patience, persist
from harvester.wire.presets import PRESETS, Preset, preset_for
from harvester.wire.retry_after import retry_after
from harvester.wire.urls import host_of, merge_query, public_url

__all__ = [
    "PRESETS",
    "Client",
    "Limits",
    "Patience",
    "Preset",
    "Response",
    "Validators",
    "host_of",
    "merge_query",
    "persist",
    "preset_for",
    "public_url",
    "retry_after",
    "system_resolve",
    "validators_of",
]
