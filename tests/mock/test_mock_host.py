"""Several repositories behind one name and port."""

import threading
from urllib.request import urlopen

import pytest

from harvester.mock import FakeHost, FakeRepository


def ask(url: str) -> str:
    with urlopen(f"{url}?verb=Identify", timeout=10) as answer:
        return str(answer.read().decode())


def test_each_repository_of_a_host_answers_at_its_own_path() -> None:
    journals = [FakeRepository(records=3, path=f"/journal{number}/oai") for number in range(3)]
    with FakeHost(journals) as host:
        assert len({each.url for each in journals}) == 3
        for each in journals:
            assert f"<baseURL>{each.url}</baseURL>" in ask(each.url)
        assert [access.verb for access in host.log] == ["Identify"] * 3
        assert all(len(each.log) == 1 for each in journals)


def test_two_requests_at_once_to_two_repositories_of_a_host_are_seen() -> None:
    journals = [FakeRepository(records=1, path=f"/{number}", latency=0.3) for number in range(2)]
    with FakeHost(journals) as host:
        threads = [threading.Thread(target=ask, args=(each.url,)) for each in journals]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sum(access.overlapping for access in host.log) == 1


def test_two_repositories_at_one_path_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two paths"):
        FakeHost([FakeRepository(records=1), FakeRepository(records=1)])
