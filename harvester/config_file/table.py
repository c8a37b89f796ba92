"""What all tables of the file have in common: no key is unknown, none that is needed is missing, nothing is said twice."""

from collections.abc import Hashable, Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from harvester.config_file.lines import Place


class Wrong(ValueError):
    """A whole sentence, and the place within the table that it speaks of."""

    def __init__(self, sentence: str, *place: str | int) -> None:
        super().__init__(sentence)
        self.place: Place = place


class Table(BaseModel):
    """`written` is how it stands in the file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
    written: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            raise ValueError(f"must be written as {cls.written}")
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key in said:
            if key not in fields:
                known = ", ".join(sorted(fields))
                raise Wrong(f"{key!r:.60} is not known in {cls.written}; known are {known}", key)
        for key, field in fields.items():
            if field.is_required() and key not in said:
                raise Wrong(f"'{key}' is missing in {cls.written}")
        return said


def once(found: Iterable[tuple[Hashable, str, Place]]) -> None:
    """Values, what they are called, and their places in the table. Raises Wrong at the first that was there before."""
    seen: set[Hashable] = set()
    for value, called, place in found:
        if value in seen:
            raise Wrong(
                f"{called} stands here for the second time: one of them would be without effect", *place
            )
        seen.add(value)
