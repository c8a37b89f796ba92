"""A probe of third parties' servers says what they really do, where it differs from what they declare (see test_peers_defects.py)."""

from typing import Any

import pytest
from held import invented
from oai_repo_repository import ServeOaiRepo
from peer_process import PeerProcess
from pyoai_repository import Serve
from sqlalchemy import Engine

from harvester.harvest.probe_report import ProbeReport
from harvester.harvest.probing import ProbeRequest, probe

SECONDS, DAYS = "YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"
# What both libraries do right: without it neither could be harvested in slices.
SOUND = {
    "dates_honoured": True,
    "dates_on_later_pages": True,
    "set_honoured": True,
    "set_on_later_pages": True,
    "sets_in_headers": True,
    "idempotent_tokens": True,
    "single_use_tokens": False,
    "earliest_truthful": True,
    "before_earliest": "no_records_match",
    "list_identifiers": True,
    "get_record": True,
    "sets": 4,
}


def look(engine: Engine, repository: PeerProcess) -> ProbeReport:
    return probe(engine, ProbeRequest(repository.url, jitter=lambda: 0.0))


def seen(report: ProbeReport, *names: str) -> dict[str, Any]:
    return {name: report.traits[name]["value"] for name in names}


@pytest.mark.parametrize("granularity", [SECONDS, DAYS])
def test_a_probe_of_pyoai_finds_no_size_and_tombstones(
    granularity: str, serve: Serve, engine: Engine
) -> None:
    report = look(engine, serve(invented(60), batch=10, granularity=granularity))
    expected = SOUND | {
        "granularity": granularity,
        "sends_size": False,
        "tombstones": True,
        "until_inclusive": True,
        "until_whole_day": True,
        "page_size": 10,
        "token_life": None,
    }
    assert report.outcome == "complete"
    assert seen(report, *expected) == expected


def test_a_probe_of_oai_repo_finds_that_a_day_as_until_is_its_first_second(
    serve_oai_repo: ServeOaiRepo, engine: Engine
) -> None:
    report = look(engine, serve_oai_repo(invented(60), limit=10, deletions="dropped"))
    expected = SOUND | {
        "granularity": SECONDS,
        "sends_size": True,
        "records": 52,
        "tombstones": None,
        "until_inclusive": True,
        "until_whole_day": False,
    }
    assert report.outcome == "complete"
    assert seen(report, *expected) == expected


def test_a_probe_of_oai_repo_in_days_finds_that_until_leaves_its_own_day_out(
    serve_oai_repo: ServeOaiRepo, engine: Engine
) -> None:
    report = look(engine, serve_oai_repo(invented(60), limit=10, granularity=DAYS, deletions="dropped"))
    expected = SOUND | {"granularity": DAYS, "from_equals_until": False, "until_inclusive": False}
    assert report.outcome == "complete"
    assert seen(report, *expected) == expected
    assert any("overlap" in sentence for sentence in report.advice)
