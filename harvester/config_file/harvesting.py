"""[defaults] and [[repository]]: what is harvested, and how often."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from harvester.config_file import kinds, times
from harvester.config_file.table import Table, Wrong, once


class Bounds(Table):
    """Between which bounds an interval is learned."""

    written: ClassVar[str] = '`every = {least = "1h", most = "7d"}`'
    least: kinds.Between = Field(description="No sooner than this.")
    most: kinds.Between = Field(description="No later than this.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.least > self.most:
            raise Wrong("'least' is longer than 'most'", "least")
        return self


Interval = Annotated[
    Bounds,
    kinds.Short(times.fixed, tuple(kinds.DURATION)),
]


class Timed(Table):
    """What is done again and again: by an interval or by cron."""

    zone_alone: ClassVar[bool] = False
    every: Interval | None = Field(
        default=None,
        description='How often: "6h" is fixed, {least = "1h", most = "7d"} is learned from what changes.',
    )
    cron: kinds.Cron | None = Field(
        default=None,
        description="Instead of `every`: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday).",
    )
    timezone: kinds.Zone | None = Field(
        default=None, description='Of `cron`, such as "Europe/Berlin"; UTC without it.'
    )

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise Wrong("'every' and 'cron' are two answers to one question: leave one of them out", "cron")
        if self.timezone is not None and self.cron is None and not self.zone_alone:
            raise Wrong("'timezone' is that of 'cron', which is missing here", "timezone")
        return self


class Holds(Table):
    """How much a reconciliation may remove without a person."""

    written: ClassVar[str] = '`holds = {share = "5%", records = 20, most = 1000}`'
    share: kinds.Share | None = Field(
        default=None, description="Of a stream's live records; counts where `records` is passed as well."
    )
    records: kinds.Count | None = Field(default=None, description="So many may always go.")
    most: kinds.Count | None = Field(
        default=None, description="More than this never go unseen, whatever their share."
    )


class Stated(Timed):
    """What [defaults] says for all repositories, and a [[repository]] for itself."""

    reconcile: kinds.Seldom | None = Field(
        default=None,
        description='Between two full passes over all identifiers; "never" for none. 30d without it.',
    )
    rolling: kinds.Seldom | None = Field(
        default=None,
        description='Between two slices of a slow second harvest of everything; "never" for none. 1d without it.',
    )
    windows: kinds.Minutes | None = Field(
        default=None, description="A list that takes longer is cut into windows by date. 10m without it."
    )
    holds: Holds | None = Field(default=None, description="When a reconciliation waits for a person.")
    new_sets: Literal["offer", "harvest"] | None = Field(
        default=None, description='Sets found later: "offer" tells of them, "harvest" harvests them as well.'
    )


class Defaults(Stated):
    """What holds for every repository that does not say otherwise."""

    written: ClassVar[str] = "[defaults]"
    zone_alone: ClassVar[bool] = True
    timezone: kinds.Zone | None = Field(
        default=None, description="Of every `cron` and `quiet` that names none; UTC without it."
    )


class Stream(Timed):
    """A set in a format."""

    written: ClassVar[str] = '`streams = [{format = "oai_dc", set = "x"}]`'
    format: kinds.Line = Field(description="The metadataPrefix.")
    set: kinds.Line | None = Field(default=None, description="The setSpec; the whole repository without it.")

    @property
    def called(self) -> str:
        """For a sentence."""
        return f"the stream of the format '{self.format}'" + (
            f" and the set '{self.set}'" if self.set else ""
        )


class Repository(Stated):
    """A repository that is kept up to date; known by its name, or its URL, or both."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["name"]}, {"required": ["url"]}]})
    written: ClassVar[str] = "[[repository]]"
    name: kinds.Name | None = Field(default=None, description="As `harvester status` shows it.")
    url: kinds.Url | None = Field(default=None, description="The base URL.")
    prefer: kinds.Crosswalks | None = Field(
        default=None, description="Which format stands for an item; the others follow in the general order."
    )
    streams: list[Stream] | None = Field(
        default=None, description="What is harvested: sets and formats. Those in the catalogue without it."
    )
    notify: bool | None = Field(default=None, description="false: nobody is told of what happens here.")

    @model_validator(mode="after")
    def _known_and_once(self) -> Self:
        if self.name is None and self.url is None:
            raise Wrong("a [[repository]] needs 'name' or 'url'")
        once(
            ((each.set, each.format), each.called, ("streams", number))
            for number, each in enumerate(self.streams or ())
        )
        return self
