"""TLS is verified against the name in the URL, though the socket goes to the address that was checked."""

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.config import HostSettings
from harvester.errors import ConfigError, Refused, RepositoryError, Retriable

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl program to make certificates")
ARGUMENTS = [("verb", "Identify")]
NAME = "repository.example"


class Authority:
    """A certificate authority of our own, in a temporary folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.bundle = folder / f"{name}.pem"
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", *usage, "-keyout", f"{name}.key", "-out", self.bundle.name,
        )  # fmt: skip

    def server(self, host: str, *, days: int = 20) -> ssl.SSLContext:
        """A server's context with a certificate for `host`; negative days: expired."""
        stem = f"{self.name}-{host}-{days}"
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
            "-keyout", f"{stem}.key", "-out", f"{stem}.csr",
        )  # fmt: skip
        (self.folder / f"{stem}.ext").write_text(
            f"subjectAltName=DNS:{host}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        self._openssl(
            "x509", "-req", "-in", f"{stem}.csr", "-CA", self.bundle.name, "-CAkey", f"{self.name}.key",
            "-days", str(days), "-set_serial", "7", "-extfile", f"{stem}.ext", "-out", f"{stem}.crt",
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        return context

    def through_an_intermediate(self, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Two servers' contexts: one sends the intermediate certificate along, as it must, the other does not."""
        between = Authority(self.folder, f"{self.name}-between")
        self._openssl(
            "req", "-new", "-key", f"{between.name}.key", "-subj", f"/CN={between.name}", "-out", "between.csr"
        )  # fmt: skip
        (self.folder / "between.ext").write_text(
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
        )
        self._openssl(
            "x509", "-req", "-in", "between.csr", "-CA", self.bundle.name, "-CAkey", f"{self.name}.key", "-days", "20",
            "-set_serial", "8", "-extfile", "between.ext", "-out", between.bundle.name,
        )  # fmt: skip
        alone = between.server(host)
        leaf = self.folder / f"{between.name}-{host}-20.crt"
        chain = self.folder / "chain.pem"
        chain.write_text(leaf.read_text() + between.bundle.read_text())
        whole = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        whole.load_cert_chain(chain, leaf.with_suffix(".key"))
        return whole, alone

    def _openssl(self, *arguments: str) -> None:
        subprocess.run([OPENSSL, *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def good(authority):
    return authority.server(NAME)


@pytest.fixture
def trusting(authority, client, monkeypatch):
    """A client that trusts our authority, and is told that every name is here."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))

    def make(repository, **more):
        here = {"resolve": lambda host, port: ("127.0.0.1",), "typed": [f"{NAME}:{repository.port}"]}
        return client(**here | more)

    return make


def over_tls(context: ssl.SSLContext):
    return lambda sock: context.wrap_socket(sock, server_side=True)


def test_certificate_sni_and_host_are_those_of_the_name(server, trusting, good):
    names = []
    good.sni_callback = lambda _sock, name, _context: names.append(name)
    repository = server(always(answer()), wrap=over_tls(good))
    asker = trusting(repository)
    for _ in range(3):
        page = asker.get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert page.body == PAGE
    assert names == [NAME]
    assert repository.requests[0].headers["host"] == f"{NAME}:{repository.port}"
    assert repository.connections == 1


def test_bad_certificates_are_refused_and_named(server, trusting, authority, tmp_path):
    self_signed = Authority(tmp_path, "theirs").server(NAME)
    cases = [
        (authority.server(NAME, days=-1), "expired"),
        (authority.server("other.example"), "another name"),
        (self_signed, "does not know"),
    ]
    for context, said in cases:
        repository = server(always(answer()), wrap=over_tls(context))
        with pytest.raises(Refused, match=said) as caught:
            trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
        assert caught.value.reason == "tls"
        assert NAME in str(caught.value)
        assert repository.requests == []


def test_a_server_with_only_an_old_protocol_is_refused(server, trusting, authority):
    context = authority.server(NAME)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-NULL-SHA@SECLEVEL=0")  # no encryption: nothing a client offers by itself
    repository = server(always(answer()), wrap=over_tls(context))
    with pytest.raises(Refused) as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "tls"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # the very thing that is tested
def test_a_server_that_speaks_tls_of_before_2008_only_is_refused(server, trusting, authority, version):
    context = authority.server(NAME)
    context.set_ciphers("ALL@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    repository = server(always(answer()), wrap=over_tls(context))
    with pytest.raises(Refused, match="update their server") as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "tls"
    assert repository.requests == []


def test_a_missing_intermediate_certificate_is_named_as_a_likely_cause(server, trusting, authority):
    whole, alone = authority.through_an_intermediate(NAME)
    repository = server(always(answer()), wrap=over_tls(whole))
    assert trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS).body == PAGE
    repository = server(always(answer()), wrap=over_tls(alone))
    with pytest.raises(Refused, match="intermediate certificate is missing") as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "tls"
    assert repository.requests == []


def test_plain_http_behind_https_is_refused_with_a_hint(server, trusting):
    def script(talk: Talk) -> None:
        talk.sock.recv(1000)
        talk.send(answer(b"", "400 Bad Request"))

    repository = server(script)
    with pytest.raises(Refused, match="begin with https") as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "tls"


def test_a_handshake_that_hangs_costs_the_connect_limit(server, trusting, hasty):
    repository = server(lambda talk: talk.wait())
    with pytest.raises(Retriable) as caught:
        trusting(repository, limits=hasty).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "connect_timeout"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_handshake_that_is_cut_is_asked_again(server, trusting, how):
    def script(talk: Talk) -> None:
        talk.sock.recv(100)
        if how == "reset":
            talk.reset()

    repository = server(script)
    with pytest.raises(Retriable) as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "connection_reset"


def test_a_slow_loris_over_tls_cannot_pass_the_deadline(server, trusting, good, hasty):
    def script(talk: Talk) -> None:
        talk.request()
        for byte in answer():
            if not talk.send(bytes([byte])) or talk.wait(0.02):
                return

    repository = server(script, wrap=over_tls(good))
    with pytest.raises(Retriable) as caught:
        trusting(repository, limits=hasty).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "timeout"


def test_a_body_cut_without_tls_goodbye_is_truncated(server, trusting, good):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer()[:-20])

    repository = server(script, wrap=over_tls(good))
    with pytest.raises(Retriable) as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "truncated"


def test_a_kept_tls_connection_that_dies_is_replaced_once(server, trusting, good):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer())
        if talk.number == 1:
            talk.request()

    repository = server(script, wrap=over_tls(good))
    asker = trusting(repository)
    for _ in range(2):
        page = asker.get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert (page.body, page.requests) == (PAGE, 2)


def test_https_does_not_lead_to_http(server, trusting, good):
    repository = server(
        always(answer(b"", "301 Moved", Location="http://repository.example/oai")), wrap=over_tls(good)
    )
    with pytest.raises(Refused) as caught:
        trusting(repository).get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS)
    assert caught.value.reason == "https_to_http"


def test_http_may_lead_to_https(server, trusting, good):
    secure = server(always(answer()), wrap=over_tls(good))
    plain = server(always(answer(b"", "301 Moved", Location=f"https://{NAME}:{secure.port}/oai")))
    asker = trusting(secure, typed=[f"{NAME}:{secure.port}", f"{NAME}:{plain.port}"])
    page = asker.get(f"http://{NAME}:{plain.port}/oai", ARGUMENTS)
    assert (page.body, page.moved_to) == (PAGE, f"https://{NAME}:{secure.port}/oai")


def test_a_bundle_that_is_none_is_a_sentence(client, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(ConfigError, match="REQUESTS_CA_BUNDLE"):
        client().get("https://repository.example/oai", ARGUMENTS)


def tunnel(talk: Talk) -> None:
    """An outbound proxy that knows only CONNECT, and where everything is."""
    request = talk.request()
    if request is None:
        return
    port = int(request.target.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as onward:
        talk.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=relay, args=(onward, talk.sock))
        back.start()
        relay(talk.sock, onward)
        back.join()


def relay(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


def test_through_a_proxys_tunnel_the_certificate_is_still_that_of_the_name(
    server, trusting, good, authority, monkeypatch
):
    def unused(host, port):
        raise AssertionError("names are the proxy's matter")

    proxy = server(tunnel)
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
    repository = server(always(answer()), wrap=over_tls(good))
    with trusting(repository, resolve=unused) as asker:
        assert asker.get(f"https://{NAME}:{repository.port}/oai", ARGUMENTS).body == PAGE
    assert proxy.requests[0].target == f"{NAME}:{repository.port}"

    wrong = server(always(answer()), wrap=over_tls(authority.server("other.example")))
    with trusting(wrong, resolve=unused) as asker, pytest.raises(Refused, match="another name"):
        asker.get(f"https://{NAME}:{wrong.port}/oai", ARGUMENTS)


def test_a_proxy_that_declines_the_tunnel_is_named(server, trusting, monkeypatch):
    proxy = server(always(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:canary@{proxy.host}")
    with pytest.raises(RepositoryError, match="HTTPS_PROXY") as caught:
        trusting(proxy).get(f"https://{NAME}:{proxy.port}/oai", ARGUMENTS)
    assert caught.value.reason == "proxy"
    assert "canary" not in str(caught.value)


def test_an_authority_of_ones_own_is_trusted_for_its_host_only_and_besides_all_others(
    server, trusting, good, tmp_path
):
    theirs = Authority(tmp_path, "theirs")
    intern, extern = f"intern.{NAME}", NAME
    own = server(always(answer()), wrap=over_tls(theirs.server(intern)))
    same = server(always(answer()), wrap=over_tls(theirs.server(extern)))
    public = server(always(answer()), wrap=over_tls(good))
    host = f"{intern}:{own.port}"
    typed = [host, *(f"{extern}:{each.port}" for each in (same, public))]
    settings = {name: HostSettings(name, ca=theirs.bundle) for name in (host, f"{extern}:{public.port}")}
    asker = trusting(own, hosts=settings, typed=typed)
    assert asker.get(f"https://{host}/oai", ARGUMENTS).body == PAGE
    with pytest.raises(Refused, match=r"'ca' of the \[\[host\]\]") as caught:
        asker.get(f"https://{extern}:{same.port}/oai", ARGUMENTS)
    assert caught.value.reason == "tls"
    assert same.requests == []
    assert asker.get(f"https://{extern}:{public.port}/oai", ARGUMENTS).body == PAGE


@pytest.mark.parametrize("held", [None, b"no certificate"], ids=["missing", "other"])
def test_an_authority_that_is_none_is_a_sentence(client, tmp_path, held):
    pem = tmp_path / "ours.pem"
    if held is not None:
        pem.write_bytes(held)
    asker = client(hosts={NAME: HostSettings(NAME, ca=pem)})
    with pytest.raises(ConfigError, match=r"'ca' of its \[\[host\]\]"):
        asker.check(f"https://{NAME}/oai")
    asker.check("https://elsewhere.example/oai")
