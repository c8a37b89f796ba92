"""Kills, restarts of Postgres and faults, all together: nothing is missing, and no page was applied twice."""

import os
import time
from pathlib import Path

import pytest
from campaign import Result, Size, campaign

SHORT = Size(kills=12, restarts=3, faults=60)
FULL = Size(kills=1_000, restarts=200, faults=10_000)
SEED = "20240229"


def check(result: Result, size: Size) -> None:
    print(result)
    assert not result.problems, "\n".join([f"HARVESTER_SEED={result.seed}", *result.problems])
    assert result.kills >= size.kills
    assert result.restarts >= size.restarts
    assert result.faults >= size.faults


def test_kills_restarts_and_faults_leave_no_trace(tmp_path: Path) -> None:
    seed = int(os.environ.get("HARVESTER_SEED", SEED))
    check(campaign(tmp_path / "home", SHORT, seed), SHORT)


@pytest.mark.campaign
def test_a_thousand_kills_and_ten_thousand_faults_leave_no_trace(tmp_path: Path) -> None:
    seed = int(os.environ.get("HARVESTER_SEED", str(time.time_ns() % 10**9)))
    print(f"HARVESTER_SEED={seed}")
    check(campaign(tmp_path / "home", FULL, seed), FULL)
