"""When hosts are left alone."""

from datetime import UTC, datetime, time

import pytest

from harvester.config import HostSettings, Quiet, Settings
from harvester.schedule.quiet import quiet_hosts, quiet_until

PMC = "pmc.ncbi.nlm.nih.gov"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 1, 16, 2, tzinfo=UTC)),  # 07:00 in winter
        (datetime(2026, 1, 16, 2, tzinfo=UTC), None),
        (datetime(2026, 7, 15, 8, 59, tzinfo=UTC), None),  # 04:59 in summer
        (datetime(2026, 7, 15, 9, tzinfo=UTC), datetime(2026, 7, 16, 1, tzinfo=UTC)),
    ],
)
def test_pmc_is_harvested_at_night_as_it_asks_without_being_told(
    now: datetime, until: datetime | None
) -> None:
    assert quiet_until(Settings(), PMC, now) == until
    assert (PMC in quiet_hosts(Settings(), now)) == (until is not None)


def test_what_the_operator_has_agreed_with_a_provider_holds_instead() -> None:
    noon = datetime(2026, 1, 15, 17, tzinfo=UTC)
    agreed = {PMC: HostSettings(PMC, pace=5.0)}
    assert quiet_until(Settings(hosts=agreed), PMC, noon) is not None, "of hours nothing was said"
    agreed = {PMC: HostSettings(PMC, quiet=Quiet(time(0), time(1)))}
    assert quiet_until(Settings(hosts=agreed), PMC, noon) is None


def test_who_is_not_known_may_be_asked_at_any_time() -> None:
    assert quiet_until(Settings(), "repository.example", datetime(2026, 1, 15, 12, tzinfo=UTC)) is None
