"""Waiting: what a server asks for, what we add, and what is too long to sleep."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_server import always, answer

from harvester.errors import Refused, Retriable
from harvester.wire import Patience, persist, preset_for, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0), (" 7 ", 7.0), ("1.5", 1.5), ("0", 1.0), ("-5", 1.0), ("0.2", 1.0), ("1", 1.0),
        ("86400", 86400.0), ("315360000", 86400.0), ("9" * 400, 86400.0), ("30, 30", 30.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0), ("Sunday, 01-Mar-26 12:01:30 GMT", 90.0),
        ("Sun Mar  1 12:01:30 2026", 90.0), ("Sun, 01 Mar 2026 13:01:30 +0100", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1.0), ("Sun, 01 Mar 2036 12:00:00 GMT", 86400.0),
        ("", None), ("soon", None), ("12 parsecs", None), ("nan", None), ("inf", None), ("1e9", None), ("٣", None),
        ("Sun, 99 Mar 2026 12:01:30 GMT", None), ("Sun, 01 Mar 99999999999 12:01:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_all_its_forms(text, seconds):
    assert retry_after({"retry-after": text}, NOW) == seconds
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_no_header_asks_for_nothing():
    assert retry_after({"content-type": "text/xml"}, NOW) is None


def test_a_wrong_clock_on_our_side_does_not_lengthen_the_wait():
    headers = {"retry-after": "Sun, 01 Mar 2026 12:01:30 GMT", "date": "Sun, 01 Mar 2026 12:01:00 GMT"}
    assert retry_after(headers, NOW - timedelta(hours=5)) == 30.0


@given(st.text())
def test_no_header_can_break_it(text):
    seconds = retry_after({"retry-after": text, "date": text}, NOW)
    assert seconds is None or 1.0 <= seconds <= 86400.0


class Naps(list):
    def patience(self, **more) -> Patience:
        return Patience(sleep=self.append, jitter=lambda: 0.5, **more)


def failing(times: int, **more):
    """Fails that often, then returns the number of the call."""
    calls = []

    def attempt() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise Retriable("Later.", reason="read_timeout", **more)
        return len(calls)

    attempt.calls = calls
    return attempt


def test_three_tries_with_two_and_four_seconds_between():
    naps = Naps()
    assert persist(naps.patience(), failing(2)) == 3
    assert naps == [2.0, 4.0]


def test_after_the_last_try_the_error_speaks():
    naps, attempt = Naps(), failing(9)
    with pytest.raises(Retriable, match="Later"):
        persist(naps.patience(), attempt)
    assert len(attempt.calls) == 3
    assert sum(naps) <= 10


def test_own_waiting_stays_within_ten_seconds_however_many_tries():
    naps = Naps()
    with pytest.raises(Retriable):
        persist(naps.patience(), failing(99), tries=8)
    assert sum(naps) == pytest.approx(10)


def test_only_retriable_is_tried_again():
    calls = []

    def attempt():
        calls.append(1)
        raise Refused("No.", reason="tls")

    with pytest.raises(Refused):
        persist(Naps().patience(), attempt)
    assert len(calls) == 1


def test_a_retry_after_is_obeyed_exactly():
    naps = Naps()
    persist(naps.patience(), failing(2, after=17.0))
    assert naps == [17.0, 17.0]


def test_a_repeated_retry_after_of_a_second_doubles():
    naps = Naps()
    persist(naps.patience(tries=5), failing(4, after=1.0))
    assert naps == [1.0, 2.0, 4.0, 8.0]


def test_a_long_retry_after_is_an_appointment_not_a_nap():
    naps, attempt = Naps(), failing(1, after=31.0)
    with pytest.raises(Retriable) as caught:
        persist(naps.patience(), attempt)
    assert (caught.value.after, naps, len(attempt.calls)) == (31.0, [], 1)


def test_a_retry_is_told():
    told = []
    persist(Naps().patience(), failing(1), on_retry=lambda error, wait: told.append((error.reason, wait)))
    assert told == [("read_timeout", 2.0)]


def test_rest_longer_than_a_nap_names_the_seconds():
    with pytest.raises(Retriable) as caught:
        Patience(longest_nap=30).rest(30.5)
    assert caught.value.after == 30.5


def test_requests_to_one_host_keep_their_distance(server, client, fake_time):
    repository, other = server(always(answer())), server(always(answer()))
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        fake_time.sleep(seconds)

    asker = client(repository, other, patience=Patience(pause=1, sleep=sleep), monotonic=fake_time.monotonic)
    asker.get(repository.url, [])
    asker.get(other.url, [])
    assert naps == []
    fake_time.seconds += 0.25  # spent on reading the page
    asker.get(repository.url, [])
    assert naps == pytest.approx([0.75], abs=0.05)
    fake_time.seconds += 5
    asker.get(repository.url, [])
    assert len(naps) == 1


def test_the_server_never_sees_two_requests_closer_than_the_pace(server, client):
    repository = server(always(answer()))
    asker = client(repository, patience=Patience(pause=0.1))
    for _ in range(6):
        asker.get(repository.url, [])
    seen = [each.at for each in repository.requests]
    assert min(b - a for a, b in pairwise(seen)) >= 0.1


def test_a_failed_attempt_counts_for_the_pace(client, fake_time):
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        fake_time.sleep(seconds)

    asker = client(
        patience=Patience(pause=3, sleep=sleep), resolve=lambda h, p: (), monotonic=fake_time.monotonic
    )
    for _ in range(2):
        with pytest.raises(Retriable):
            asker.get("http://gone.example/oai", [])
    assert naps == pytest.approx([3], abs=0.05)


@pytest.mark.parametrize(
    ("host", "pace", "idempotent"),
    [
        ("api.figshare.com", 1.0, False),
        ("zenodo.org", 2.0, None),
        ("export.arxiv.org", 3.0, None),
        ("oaipmh.arxiv.org", 3.0, None),
        ("www.ncbi.nlm.nih.gov", 3.0, None),
        ("pmc.ncbi.nlm.nih.gov", 3.0, None),
        ("repository.example", 0.0, None),
    ],
)
def test_known_providers_are_treated_as_they_ask(host, pace, idempotent):
    preset = preset_for(host)
    assert (preset.pace, preset.idempotent_tokens) == (pace, idempotent)
