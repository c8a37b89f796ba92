"""harvester show --history: what a record was, version by version."""

from typing import TYPE_CHECKING, Any

from harvester.cli import output

if TYPE_CHECKING:
    from harvester.catalogue.versions import Version

_MOST_NAMES = 4  # of what changed; then a count
_COLUMNS = ("received", "until", "run", "datestamp", "state", "what changed")


def as_json(version: "Version") -> dict[str, Any]:
    """The documented JSON of one version."""
    run = version.run
    return {
        "repository": version.repository,
        "identifier": version.identifier,
        "format": version.format,
        "datestamp": version.datestamp,
        "deleted": version.deleted,
        "deleted_reason": version.deleted_reason,
        "sets": list(version.sets),
        "received": version.received,
        "ended_at": version.ended_at,
        "run": None if run is None else {"id": run.id, "started_at": run.started_at},
        "header_only": version.header_only,
        "changed": list(version.changed),
        "title": version.title,
        "entry": None if version.entry is None or version.deleted else version.entry.as_json(),
    }


def show(found: list["Version"]) -> None:
    """A table for each format, the newest version first."""
    of_format: dict[tuple[str, str, str], list[Version]] = {}
    for each in found:
        of_format.setdefault((each.identifier, each.repository, each.format), []).append(each)
    for named, versions in of_format.items():
        output.eyes(output.plain("  ".join(named)))
        rows = [_row(each, first=each is versions[-1]) for each in versions]
        output.table(_COLUMNS, rows)


def _row(version: "Version", *, first: bool) -> tuple[object, ...]:
    run = version.run
    state = f"deleted ({version.deleted_reason})" if version.deleted else "live"
    return (
        output.moment(version.received) or "",
        output.moment(version.ended_at) or "now",
        "" if run is None else f"{run.id} of {output.moment(run.started_at)}",
        version.datestamp,
        state,
        "(the first that is kept)" if first else _what_changed(version),
    )


def _what_changed(version: "Version") -> str:
    names = list(version.changed)
    if not version.header_only and not {*names} - {"datestamp", "sets", "deleted", "about"}:
        names.append("metadata that no field of the entry shows")
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
