"""`harvester.toml`: read strictly, by pydantic, and only where there is one. Knows nothing of what is done with it."""

from harvester.config_file.reading import read
from harvester.config_file.schema import json_schema

__all__ = ["json_schema", "read"]
