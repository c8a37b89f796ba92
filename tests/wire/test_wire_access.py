"""What one host is sent of us goes to no other, and stands in nothing that is said or kept."""

import base64
import traceback
from pathlib import Path

import pytest
from raw_server import PAGE, RawServer, Talk, always, answer

from harvester.config import Auth, HostSettings, Secret
from harvester.errors import ConfigError, Retriable

ARGUMENTS = [("verb", "Identify")]
CANARY = "k4n4ry"
TOKEN = f"{CANARY}-token-öß"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PASSWORD", "KEY"):
        monkeypatch.setenv(name, f"{CANARY}-{name.lower()}")
    monkeypatch.setenv("TOKEN", f" {TOKEN} ")


def said(repository: RawServer, **more: object) -> dict[str, HostSettings]:
    """What is configured of a server's host."""
    return {repository.host: HostSettings(repository.host, **more)}


def moves(location: str):
    return answer(b"", "302 Found", Location=location)


def basic() -> Auth:
    return Auth(user="mé", password=Secret("env:PASSWORD"))


def sent(repository: RawServer, name: str) -> list[str | None]:
    """A header of each request, as the bytes that came mean it in UTF-8."""
    found = [each.headers.get(name) for each in repository.requests]
    return [None if each is None else each.encode("latin-1").decode() for each in found]


def test_a_host_is_sent_its_own_headers_and_they_go_before_ours(server, client):
    repository = server(always(answer()))
    headers = {"X-API-Key": Secret("env:KEY"), "X-Project": "ours", "user-agent": "a browser, it says"}
    asker = client(repository, hosts=said(repository, headers=headers))
    assert asker.get(repository.url, ARGUMENTS).body == PAGE
    asker.post(repository.url, ARGUMENTS)
    for name, value in (
        ("x-api-key", f"{CANARY}-key"),
        ("x-project", "ours"),
        ("user-agent", "a browser, it says"),
        ("accept", "*/*"),
    ):
        assert sent(repository, name) == [value, value]


def test_a_user_and_a_password_are_basic_and_a_token_is_a_bearer(server, client):
    repository = server(always(answer()))
    client(repository, hosts=said(repository, auth=basic())).get(repository.url, ARGUMENTS)
    client(repository, hosts=said(repository, auth=Auth(token=Secret("env:TOKEN")))).get(
        repository.url, ARGUMENTS
    )
    login = base64.b64encode(f"mé:{CANARY}-password".encode()).decode()
    assert sent(repository, "authorization") == [f"Basic {login}", f"Bearer {TOKEN}"]


def test_the_password_of_the_url_goes_before_the_one_configured(server, client):
    repository = server(always(answer()))
    asker = client(repository, hosts=said(repository, auth=Auth(token=Secret("env:TOKEN"))))
    asker.get(f"http://me:mine@{repository.host}/oai", ARGUMENTS)
    assert sent(repository, "authorization") == ["Basic " + base64.b64encode(b"me:mine").decode()]


def test_what_is_for_one_host_goes_with_no_redirect_to_another(server, client):
    other = server(always(answer()))

    def script(talk: Talk) -> None:
        while request := talk.request():
            here = request.target.startswith("/oai?")
            talk.send(moves("/here" if here else other.url))

    repository = server(script)
    hosts = said(repository, auth=basic(), headers={"X-API-Key": Secret("env:KEY"), "X-Project": "ours"})
    asker = client(repository, other, hosts=hosts)
    assert asker.get(repository.url, ARGUMENTS).body == PAGE
    for name in ("authorization", "x-api-key", "x-project"):
        assert [value is None for value in sent(repository, name)] == [False, False]
        assert sent(other, name) == [None]
    asker.get(other.url, ARGUMENTS)
    assert sent(other, "authorization") == [None, None]


def test_a_redirect_from_elsewhere_is_not_let_in_by_our_password(server, client):
    """Else whoever redirects could have asked what we may ask."""
    repository = server(always(answer()))
    elsewhere = server(always(moves(repository.url)))
    hosts = said(repository, auth=basic(), headers={"X-API-Key": Secret("env:KEY")})
    assert client(repository, elsewhere, hosts=hosts).get(elsewhere.url, ARGUMENTS).body == PAGE
    assert sent(repository, "authorization") == sent(repository, "x-api-key") == [None]


def test_a_secret_that_is_not_there_is_told_before_anything_is_asked(server, client, monkeypatch, tmp_path):
    repository = server(always(answer()))
    monkeypatch.delenv("KEY")
    for secret, told in (
        (Secret("env:KEY"), "env:KEY is not set"),
        (Secret(f"file:{tmp_path}/x"), "No such"),
    ):
        asker = client(repository, hosts=said(repository, headers={"X-API-Key": secret}))
        for ask in (asker.check, lambda url, asker=asker: asker.get(url, ARGUMENTS)):
            with pytest.raises(ConfigError, match=told):
                ask(repository.url)
    assert repository.connections == 0


def test_a_secret_in_a_file_may_be_changed_while_we_run(server, client, tmp_path: Path):
    repository = server(always(answer()))
    kept = tmp_path / "token"
    asker = client(repository, hosts=said(repository, auth=Auth(token=Secret(f"file:{kept}"))))
    for value in ("first\n", "second\r\n"):
        kept.write_text(value)
        asker.get(repository.url, ARGUMENTS)
    assert sent(repository, "authorization") == ["Bearer first", "Bearer second"]


def echo(talk: Talk, status: str = "401 Unauthorized") -> bytes:
    """A server in debug mode: its error page shows what it was sent, and it begins near the end of the excerpt."""
    request = talk.request()
    assert request is not None
    shown = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return answer(
        f"{shown}{'.' * (2040 - len(shown))}{request.headers['x-api-key']}".encode("latin-1"), status
    )


def forms() -> list[str]:
    """What the secrets look like wherever they would stand."""
    return [CANARY, base64.b64encode(f"mé:{CANARY}".encode()).decode()[:10], "töken"]


@pytest.mark.parametrize("auth", [basic(), Auth(token=Secret("env:TOKEN"))], ids=["basic", "bearer"])
def test_no_secret_is_in_evidence_errors_logs_or_what_is_shown_of_us(server, client, caplog, auth):
    caplog.set_level(0)

    def cut(talk: Talk) -> None:
        talk.send(echo(talk)[:-10])  # less than it announced

    hosts = {"auth": auth, "headers": {"X-API-Key": Secret("env:KEY")}}
    whole, broken = server(lambda talk: talk.send(echo(talk))), server(cut)
    asker = client(whole, broken, hosts=said(whole, **hosts) | said(broken, **hosts))
    page = asker.get(whole.url, ARGUMENTS)
    assert CANARY.encode() in page.body, "the secret was in use, and repeated"
    with pytest.raises(Retriable) as caught:
        asker.get(broken.url, ARGUMENTS)
    evidence = [page.evidence, caught.value.evidence]
    assert all("*****" in each.excerpt and "x-api-key: " in each.excerpt for each in evidence)
    assert [each.status for each in evidence] == [401, 401]
    told = "".join(traceback.format_exception(caught.value))
    told += f"{asker!r} {asker._lanes!r} {page.evidence!r} {caught.value.evidence!r} {caplog.text}"
    assert not [form for form in forms() if form in told]


def test_no_secret_is_in_the_evidence_of_a_redirect_that_may_not_be_followed(server, client):
    def script(talk: Talk) -> None:
        request = talk.request()
        assert request is not None
        talk.send(answer(request.headers["authorization"].encode("latin-1"), "302 Found", Location="ftp://x"))

    repository = server(script)
    asker = client(repository, hosts=said(repository, auth=basic()))
    with pytest.raises(Exception, match="not an http address") as caught:
        asker.get(repository.url, ARGUMENTS)
    assert caught.value.evidence.excerpt.startswith("Basic ***")
