"""What a probe came to: the report, as a person and a script are shown it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from harvester import clock
from harvester.crosswalk import registry
from harvester.errors import Refused, RepositoryError
from harvester.harvest import outcomes
from harvester.oai.description import Format
from harvester.oai.probe_advice import Basis, Estimate, advice, estimate
from harvester.oai.probe_inquiry import Inquiry, Sample
from harvester.oai.traits import Traits

_SETS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Probed:
    """Who was asked: `name` where it is registered, `pace` in seconds between two requests."""

    url: str
    name: str | None
    pace: float


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a repository says and does. `traits`: {name: {value, how}}, with value None where it was not observed.

    `outcome`: `complete` where every question was asked, else `incomplete`, `refused` or `unreachable`, and `sentence` why.
    """

    outcome: str
    sentence: str | None
    evidence: dict[str, object] | None
    repository: str | None
    base_url: str
    probed_at: datetime
    identify: dict[str, Any] | None
    traits: dict[str, dict[str, Any]]
    formats: list[dict[str, Any]]
    sets: dict[str, Any]
    estimate: list[Estimate]
    advice: list[str]
    requests: int
    seconds: float


def report(inquiry: Inquiry, probed: Probed, failure: RepositoryError | None) -> ProbeReport:
    """What the inquiry came to; `failure` is what ended it before its first question."""
    outcome, sentence, evidence = _outcome(inquiry, failure)
    open_ = {name: f"not observed: {why}" for name, why in inquiry.left_open.items()}
    known = {name: asdict(each) for name, each in sorted(inquiry.observed.items())}
    shown = known | {
        name: {"value": None, "how": why} for name, why in sorted(open_.items()) if name not in known
    }
    seen = Traits.of(known)
    estimates = [_estimate(each, seen, probed.pace) for each in inquiry.samples if not each.failure]
    said = inquiry.said
    return ProbeReport(
        outcome=outcome,
        sentence=sentence,
        evidence=evidence,
        repository=probed.name,
        base_url=probed.url,
        probed_at=clock.now(),
        identify=None if said is None else asdict(said) | {"granularity": said.granularity.value},
        traits=shown,
        formats=_formats(inquiry),
        sets={
            "listed": len(inquiry.sets.specs),
            "whole": inquiry.sets.whole,
            "sample": inquiry.sets.specs[:_SETS_SHOWN],
        },
        estimate=estimates,
        advice=[] if failure else list(dict.fromkeys([*inquiry.remarks, *advice(seen, said, estimates)])),
        requests=inquiry.repository.requests,
        seconds=round(inquiry.seconds, 3),
    )


def _outcome(
    inquiry: Inquiry, failure: RepositoryError | None
) -> tuple[str, str | None, dict[str, object] | None]:
    if failure is not None:
        failed = outcomes.of_error(failure, pages=0)
        return failed.outcome, str(failure), failed.evidence
    if inquiry.ended is None:
        return "complete", None, None
    shut_out = isinstance(inquiry.error, Refused)
    return "refused" if shut_out else "incomplete", f"the probe ended early: {inquiry.ended}", None


def _estimate(sample: Sample, seen: Traits, pace: float) -> Estimate:
    # A size that the walk proved wrong says nothing of a format either.
    told = sample.size if seen.size_truthful is not False else None
    records = told if told is not None else seen.records
    if not sample.full:
        records = sample.records
    return estimate(Basis(sample.format.prefix, records, sample.records or None, sample.seconds, pace), seen)


def _formats(inquiry: Inquiry) -> list[dict[str, Any]]:
    samples = {each.format.prefix: each for each in inquiry.samples}
    offered = inquiry.formats or [each.format for each in inquiry.samples]
    return [_format(each, samples.get(each.prefix)) for each in offered]


def _format(offered: Format, sample: Sample | None) -> dict[str, Any]:
    """`crosswalks` are those that read its first page; where none was read, `known` goes by the namespace alone."""
    namespaces = {root[1:].partition("}")[0] for root in registry.registry().by_root}
    told = {"prefix": offered.prefix, "namespace": offered.namespace, "schema": offered.schema}
    known = offered.namespace in namespaces
    if sample is None or sample.failure:
        why = "only the first formats are sampled" if sample is None else sample.failure
        return told | {"known": known, "crosswalks": [], "sampled": False, "sentence": why}
    whole = sample.records - sample.broken
    return told | {
        "known": bool(sample.readers) if sample.live else known,
        "crosswalks": list(sample.readers),
        "sampled": True,
        "sentence": None,
        "records": sample.records,
        "live": sample.live,
        "read": sample.read,
        "broken": sample.broken,
        "repaired": sample.repaired,
        "parse_rate": round(whole / sample.records, 3) if sample.records else None,
        "page_size": sample.records if sample.full else None,
        "bytes_per_record": round(sample.bytes / sample.records) if sample.records else None,
        "seconds": round(sample.seconds, 3),
        "roots": list(sample.roots),
    }
