"""No address inside a private network is connected to, unless the operator wrote it himself."""

import socket

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.errors import Refused, RepositoryError
from harvester.wire.guard import is_public, literal

ARGUMENTS = [("verb", "Identify")]

CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "2001::1", "2001:10::1", "3fff::1",
    "2002:7f00:1::", "2002:c0a8:101::1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "5f00::1",
]  # fmt: skip
OPEN = [
    "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255",
    "198.20.0.1", "223.255.255.255", "2001:200::1", "2606:4700::1111", "2a00:1450::1", "2002:808:808::1",
    "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", CLOSED)
def test_closed(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_open(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("spelled", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("[::1]", "::1"),
        ("example.org", None),
        ("1.2.3.4.5", None),
        ("1e3", None),
    ],
)
def test_an_address_in_disguise_is_one(spelled, address):
    assert literal(spelled) == address


def reason(asker, url) -> str:
    with pytest.raises(RepositoryError) as caught:
        asker.get(url, ARGUMENTS)
    return caught.value.reason


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(client, address):
    assert (
        reason(client(resolve=lambda host, port: (address,)), "http://imported.example/oai")
        == "private_address"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "①②⑦.⓪.⓪.①", "[fd00::1]"])  # fmt: skip
def test_an_imported_address_is_refused_in_any_spelling(server, client, host):
    repository = server(always(answer()))
    assert reason(client(), f"http://{host}:{repository.port}/oai") == "private_address"
    assert repository.connections == 0


def test_one_bad_answer_among_good_ones_is_enough(client):
    asker = client(resolve=lambda host, port: ("93.184.216.34", "2606:4700::1", "192.168.1.1"))
    assert reason(asker, "http://imported.example/oai") == "private_address"


def test_a_typed_host_may_be_private(server, client):
    repository = server(always(answer()))
    asker = client(typed=[f"Repository.Local:{repository.port}"], resolve=lambda host, port: ("127.0.0.1",))
    assert asker.get(f"http://repository.local:{repository.port}/oai", ARGUMENTS).body == PAGE


@pytest.mark.parametrize("typed", ["repository.local", "other.local", "127.0.0.1", "repository.local:1"])
def test_another_port_or_name_than_the_typed_is_not_typed(server, client, typed):
    repository = server(always(answer()))
    asker = client(typed=[typed], resolve=lambda host, port: ("127.0.0.1",))
    assert reason(asker, f"http://repository.local:{repository.port}/oai") == "private_address"


@pytest.mark.parametrize("typed", ["h.local", "h.local:80"])
def test_a_default_port_may_be_typed_or_left_out(client, typed):
    asker = client(typed=[typed], resolve=lambda host, port: ())
    assert reason(asker, "http://h.local/oai") == "dns"  # so it got beyond the guard
    asker = client(typed=[typed], resolve=lambda host, port: ("127.0.0.1",))
    assert asker._dialler.is_typed("h.local", 80)


def test_a_resolver_that_changes_its_answer_is_checked_each_time(server, client, fake_time):
    """DNS rebinding: a public address for the check, a private one for the connection."""
    answers = [("93.184.216.34",), ("127.0.0.1",)]
    asked = []

    def resolve(host, port):
        asked.append(host)
        return answers.pop(0)

    dialler = client(resolve=resolve, monotonic=fake_time.monotonic)._dialler
    assert dialler._addresses("rebinding.example", 80) == ["93.184.216.34"]
    fake_time.sleep(59)
    assert dialler._addresses("rebinding.example", 80) == ["93.184.216.34"]
    assert len(asked) == 1
    fake_time.sleep(2)
    with pytest.raises(Refused):
        dialler._addresses("rebinding.example", 80)


def test_a_kept_connection_costs_no_lookup(server, client, fake_time):
    repository = server(always(answer()))
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ("127.0.0.1",)

    asker = client(typed=[f"h.local:{repository.port}"], resolve=resolve, monotonic=fake_time.monotonic)
    for _ in range(3):
        asker.get(f"http://h.local:{repository.port}/oai", ARGUMENTS)
        fake_time.sleep(100)
    assert asked == ["h.local"]


@pytest.fixture
def proxy(server, monkeypatch):
    def script(talk: Talk) -> None:
        while talk.request():
            talk.send(answer())

    running = server(script)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:canary@{running.host}")
    return running


def unused(host, port):
    raise AssertionError(f"{host} was looked up here, not by the proxy")


def test_behind_a_proxy_names_are_left_to_it(client, proxy):
    asker = client(resolve=unused)
    assert asker.get("http://repository.example/oai", ARGUMENTS).body == PAGE
    assert proxy.requests[0].target == "http://repository.example/oai?verb=Identify"
    assert proxy.requests[0].headers["host"] == "repository.example"


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1:81", "0x7f.1", "2130706433", "[::1]", "localhost", "a.localhost"])  # fmt: skip
def test_behind_a_proxy_addresses_are_still_checked(client, proxy, host):
    assert reason(client(resolve=unused), f"http://{host}/oai") == "private_address"
    assert proxy.connections == 0


def test_behind_a_proxy_a_typed_address_may_be_private(client, proxy):
    assert client(typed=["10.0.0.1"]).get("http://10.0.0.1/oai", ARGUMENTS).body == PAGE


def test_no_proxy_is_honoured(server, client, proxy, monkeypatch):
    repository = server(always(answer()))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client(repository).get(repository.url, ARGUMENTS)
    assert (proxy.connections, repository.connections) == (0, 1)


def test_a_socks_proxy_without_its_package_is_a_sentence(client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "socks5://me:canary@127.0.0.1:1")
    with pytest.raises(RepositoryError, match="PySocks") as caught:
        client().get("http://repository.example/oai", ARGUMENTS)
    assert "canary" not in str(caught.value)


def test_a_proxy_that_is_down_is_named_without_its_password(client, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://me:canary@127.0.0.1:{port}")
    with pytest.raises(RepositoryError, match="HTTP_PROXY") as caught:
        client().get("http://repository.example/oai", ARGUMENTS)
    assert caught.value.reason == "proxy"
    assert "canary" not in str(caught.value)
