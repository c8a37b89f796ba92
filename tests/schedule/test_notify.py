"""Who is told: everybody once and together, signed or over verified TLS, of the end too; nothing lost, no secret shown."""

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from receivers import Delivered, MailServer, Receiver, by, listening
from sqlalchemy import Engine, event, text
from watched import NOW, Watched, emptied, shared, some_alert

from harvester import logs
from harvester.catalogue import alerts, vitals
from harvester.catalogue.connection import connect
from harvester.catalogue.tables import metadata
from harvester.config import Mail, Notify, RepositorySettings, Secret, Settings, Webhook
from harvester.errors import CatalogueError
from harvester.schedule import notify, webhooks
from harvester.schedule.messages import Message, document, headline
from harvester.schedule.messages import text as body_of
from harvester.schedule.notify import Outage
from harvester.wire import Limits, Patience

CANARY = "k4n4ry"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def catalogue(postgres: str, template: str) -> Iterator[Engine]:
    with shared(postgres, template, "notify") as engine:
        yield engine


@pytest.fixture
def watched(catalogue: Engine) -> Watched:
    return emptied(catalogue)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between tries, short limits."""
    monkeypatch.setattr(webhooks, "_PATIENCE", Patience(tries=2, longest_nap=5.0, sleep=lambda _: None))
    monkeypatch.setattr(webhooks, "_LIMITS", Limits(connect=2.0, read=1.0, total=2.0))


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with listening(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged."""
    stream = io.StringIO()
    monkeypatch.setattr(logs, "_sink", logs._Sink("json", stream, configured=True))
    return stream


def settings(*hooks: Receiver, group: float = 0.0, mail: Mail | None = None, **more: Any) -> Settings:
    told = tuple(Webhook(each.url) for each in hooks)
    return Settings(
        database_url="postgresql://me@127.0.0.1:1/none",
        notify=Notify(webhooks=told, mail=mail, group=group),
        **more,
    )


def failing(watched: Watched, name: str = "figshare", **more: Any) -> int:
    old = NOW - timedelta(days=9)
    return watched.task(name, failures=7, outcome="failed", sentence="HTTP 500", **({"done_at": old} | more))


def works(watched: Watched, task: int, at: timedelta) -> None:
    watched.change(task, failures=0, outcome="complete", done_at=NOW + at)


def kinds(delivered: Delivered) -> tuple[list[str], list[str]]:
    """Subjects of a message's alerts and of its recoveries."""
    told = delivered.told
    return [each["subject"] for each in told["alerts"]], [each["subject"] for each in told["recoveries"]]


def test_a_message_says_all_that_a_programme_needs(watched: Watched, hook: Receiver) -> None:
    failing(watched)
    notify.tick(watched.engine, settings(hook), NOW)
    [request] = hook.requests
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("oai-harvester/")
    told = request.told
    assert request.headers["x-harvester-delivery"] == told["id"]
    assert told["summary"] == "harvester: figshare, oai_dc is failing"
    assert told["sent_at"] == "2026-11-05T12:00:00Z"
    [alert] = told["alerts"]
    assert (alert["kind"], alert["repository"], alert["since"]) == (
        "failing",
        "figshare",
        "2026-11-05T12:00:00Z",
    )
    assert alert["sentence"] in told["text"]
    assert alert["evidence"]["host"] == "figshare.example.org"


def test_the_receiver_can_verify_who_sent_it_and_that_nothing_was_changed(
    watched: Watched, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    failing(watched)
    signed = replace(settings(), notify=Notify((Webhook(hook.url, Secret("env:HOOK_SECRET")),), group=0.0))
    notify.tick(watched.engine, signed, NOW)
    [request] = hook.requests
    assert request.is_signed_with("s3cret")
    assert not request.is_signed_with("another")
    assert not replace(request, body=request.body + b" ").is_signed_with("s3cret")
    late = request.headers | {"x-harvester-timestamp": "1"}
    assert not replace(request, headers=late).is_signed_with("s3cret"), "an old message cannot be sent again"
    assert "s3cret" not in str(request)


def test_alerts_are_gathered_and_told_together_once(watched: Watched, hook: Receiver) -> None:
    grouped = settings(hook, group=300.0)

    def at(seconds: float) -> int:
        notify.tick(watched.engine, grouped, NOW + timedelta(seconds=seconds))
        return len(hook.requests)

    failing(watched, "one")
    assert at(0) == 0
    failing(watched, "two")
    assert at(120) == 0
    assert at(300) == 1
    assert at(360) == 1
    failing(watched, "three")
    assert at(400) == 1, "what comes next is gathered anew"
    assert at(700) == 2
    assert [kinds(each)[0] for each in hook.requests] == [["one, oai_dc", "two, oai_dc"], ["three, oai_dc"]]
    assert hook.requests[0].told["summary"] == "harvester: 2 need attention"


def test_what_is_over_before_anybody_heard_of_it_is_told_to_nobody(watched: Watched, hook: Receiver) -> None:
    grouped = settings(hook, group=300.0)
    task = failing(watched)
    notify.tick(watched.engine, grouped, NOW)
    works(watched, task, timedelta(seconds=60))
    for seconds in (120, 600, 1_200):
        notify.tick(watched.engine, grouped, NOW + timedelta(seconds=seconds))
    assert hook.requests == []
    assert watched.open() == set()


def test_that_it_works_again_is_told_once_with_the_time_it_took(watched: Watched, hook: Receiver) -> None:
    task = failing(watched)
    notify.tick(watched.engine, settings(hook), NOW)
    works(watched, task, HOUR)
    for hours in (2, 3, 4):
        notify.tick(watched.engine, settings(hook), NOW + hours * HOUR)
    assert [kinds(each) for each in hook.requests] == [(["figshare, oai_dc"], []), ([], ["figshare, oai_dc"])]
    told = hook.requests[1].told
    assert told["summary"] == "harvester: figshare, oai_dc works again"
    assert told["recoveries"][0]["sentence"] == (
        "figshare, oai_dc works again since 2026-11-05 14:00 UTC; it was failing since 2026-11-05 12:00 UTC."
    )


def test_what_fails_again_after_it_worked_is_told_again(watched: Watched, hook: Receiver) -> None:
    task = failing(watched)
    notify.tick(watched.engine, settings(hook), NOW)
    works(watched, task, HOUR)
    notify.tick(watched.engine, settings(hook), NOW + 2 * HOUR)
    watched.change(task, failures=7, outcome="failed")
    notify.tick(watched.engine, settings(hook), NOW + 3 * HOUR)
    assert [len(kinds(each)[0]) for each in hook.requests] == [1, 0, 1]


@pytest.mark.parametrize("status", [500, 503, 429, 404, 302, 400])
def test_a_webhook_that_does_not_take_it_is_told_in_the_log_and_tried_again_and_the_other_is_not_told_twice(
    status: int, watched: Watched, hook: Receiver, said: io.StringIO
) -> None:
    with listening(Receiver()) as broken:
        broken.answers = [status] * 10
        broken.location = hook.url
        failing(watched)
        both = settings(broken, hook)
        notify.tick(watched.engine, both, NOW)
        assert len(broken.requests) == (2 if status in (500, 503, 429) else 1), "tries are bounded"
        assert len(hook.requests) == 1, "a redirect is not followed with the message"
        assert f"HTTP status {status}" in said.getvalue()
        assert watched.alerts()[0].told_at is None
        broken.answers.clear()
        notify.tick(watched.engine, both, NOW + timedelta(minutes=1))
        assert kinds(broken.requests[-1])[0] == ["figshare, oai_dc"]
        assert broken.requests[-1].told["id"] == broken.requests[0].told["id"]
        assert len(hook.requests) == 1
        assert watched.alerts()[0].told_at == NOW + timedelta(minutes=1)


def test_a_hiccup_is_tried_again_at_once(watched: Watched, hook: Receiver, said: io.StringIO) -> None:
    hook.answers = [503]
    failing(watched)
    notify.tick(watched.engine, settings(hook), NOW)
    assert len(hook.requests) == 2
    assert "not delivered" not in said.getvalue()
    assert watched.alerts()[0].told_at == NOW


def test_a_webhook_that_never_heard_of_the_trouble_does_not_hear_of_its_end(
    watched: Watched, hook: Receiver
) -> None:
    with listening(Receiver()) as broken:
        broken.answers = [500] * 4
        both = settings(broken, hook)
        task = failing(watched)
        notify.tick(watched.engine, both, NOW)
        works(watched, task, HOUR)
        notify.tick(watched.engine, both, NOW + 2 * HOUR)
        notify.tick(watched.engine, both, NOW + 3 * HOUR)
        assert [kinds(each) for each in hook.requests] == [
            (["figshare, oai_dc"], []),
            ([], ["figshare, oai_dc"]),
        ]
        assert len(broken.requests) == 2, "of the first look only"
    assert watched.alerts()[0].recovery_told_at is not None


@pytest.mark.parametrize("trouble", ["silent", "closed"])
def test_a_webhook_that_is_silent_or_gone_keeps_nobody_waiting_for_long(
    trouble: str, watched: Watched, hook: Receiver, said: io.StringIO
) -> None:
    failing(watched)
    with listening(Receiver()) as broken:
        broken.silent.set()
        both = settings(broken, hook)
        if trouble == "silent":
            notify.tick(watched.engine, both, NOW)
    if trouble == "closed":
        notify.tick(watched.engine, both, NOW)
    assert len(hook.requests) == 1
    assert "was not delivered; it is tried again" in said.getvalue()


def test_two_processes_that_tick_at_once_tell_once(watched: Watched, hook: Receiver) -> None:
    for number in range(5):
        failing(watched, f"r{number}")
    threads = [
        threading.Thread(target=notify.tick, args=(watched.engine, settings(hook), NOW)) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    notify.tick(watched.engine, settings(hook), NOW)
    assert len(hook.requests) == 1
    assert len(watched.alerts()) == 5


def test_of_a_repository_that_is_not_to_be_told_of_nothing_is_told(watched: Watched, hook: Receiver) -> None:
    failing(watched, "quiet")
    failing(watched, "url")
    failing(watched, "loud")
    for host in ("shut", "both"):
        watched.host(f"{host}.example.org", failures=9, closed_until=NOW + HOUR)
    watched.task("quiet", "retry", host="shut.example.org")
    watched.task("quiet", "refresh", host="both.example.org")
    watched.task("loud", "refresh", host="both.example.org")
    muted = (
        RepositorySettings(name="quiet", notify=False),
        RepositorySettings(url="https://url.example.org/oai", notify=False),
        RepositorySettings(name="loud"),
    )
    for hours in (0, 25):
        notify.tick(watched.engine, settings(hook, repositories=muted), NOW + hours * HOUR)
    assert [kinds(each)[0] for each in hook.requests] == [["loud, oai_dc"], ["both.example.org"]]
    assert len(watched.open()) == 5, "they are noted all the same"


def test_a_host_that_comes_back_within_a_day_is_no_news(watched: Watched, hook: Receiver) -> None:
    watched.task()
    watched.host(failures=5, closed_until=NOW + HOUR)
    for hours in (0, 10, 23):
        notify.tick(watched.engine, settings(hook), NOW + hours * HOUR)
    assert hook.requests == []
    notify.tick(watched.engine, settings(hook), NOW + 24 * HOUR)
    assert hook.requests[0].told["summary"] == "harvester: figshare.example.org is out of reach"


def test_with_nobody_to_tell_alerts_wait_and_are_told_when_somebody_is_named(
    watched: Watched, hook: Receiver
) -> None:
    failing(watched)
    notify.tick(watched.engine, settings(), NOW)
    notify.tick(watched.engine, settings(hook), NOW + HOUR)
    assert kinds(hook.requests[0])[0] == ["figshare, oai_dc"]


def test_a_webhook_that_was_removed_is_waited_for_by_nobody(watched: Watched, hook: Receiver) -> None:
    with listening(Receiver()) as other:
        task = failing(watched)
        notify.tick(watched.engine, settings(hook, other), NOW)
    works(watched, task, HOUR)
    notify.tick(watched.engine, settings(hook), NOW + 2 * HOUR)
    assert watched.alerts()[0].recovery_told_at == NOW + 2 * HOUR


def test_a_catalogue_that_cannot_be_used_is_told_once_and_its_return_too(
    watched: Watched, hook: Receiver
) -> None:
    away = connect("postgresql+psycopg://me@127.0.0.1:1/none")
    grouped = settings(hook, group=300.0)
    outage = Outage()
    for seconds in (0, 60, 240, 300, 360, 3_000):
        notify.tick(away, grouped, NOW + timedelta(seconds=seconds), outage)
    assert len(hook.requests) == 1
    assert "All harvests pause: the catalogue's Postgres cannot be reached" in hook.requests[0].told["text"]
    for seconds in (3_060, 3_400):
        notify.tick(watched.engine, grouped, NOW + timedelta(seconds=seconds), outage)
    assert (
        hook.requests[1]
        .told["recoveries"][0]["sentence"]
        .startswith(
            "the service has its catalogue again since 2026-11-05 12:51 UTC; it was without its catalogue since 2026-11-05 12:00"
        )
    )
    assert len(hook.requests) == 2


def test_a_catalogue_that_can_be_read_and_not_written_is_told(watched: Watched, hook: Receiver) -> None:
    failing(watched)
    url = watched.engine.url.render_as_string(hide_password=False)
    replica = connect(url)

    @event.listens_for(replica, "connect")
    def read_only(connection: Any, _: object) -> None:
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()

    outage = Outage()
    for seconds in (0, 120, 240, 360):
        notify.tick(replica, settings(hook, group=300.0), NOW + timedelta(seconds=seconds), outage)
    replica.dispose()
    assert len(hook.requests) == 1
    assert "All harvests pause" in hook.requests[0].told["text"]


def test_alerts_without_number_are_judged_all_the_same(watched: Watched) -> None:
    many = range(70_000)  # Postgres takes at most 65,535 parameters
    with watched.engine.begin() as connection:
        assert not vitals.conspicuous(connection, NOW, failures=3, intervals=2.0, also=many)
        assert not alerts.untold(connection, many)
        alerts.told(connection, many, alerts.ALERT, "hook", NOW)
        alerts.settle(connection, many, [], NOW)
        alerts.resolve(connection, many, NOW)


def test_a_short_absence_of_the_catalogue_is_no_news_and_without_memory_it_is_an_error(
    watched: Watched, hook: Receiver
) -> None:
    away = connect("postgresql+psycopg://me@127.0.0.1:1/none")
    grouped = settings(hook, group=300.0)
    outage = Outage()
    notify.tick(away, grouped, NOW, outage)
    notify.tick(watched.engine, grouped, NOW + HOUR, outage)
    assert outage.since is None
    assert (hook.requests, watched.alerts()) == ([], [])
    with pytest.raises(CatalogueError):
        notify.tick(away, grouped, NOW)


def test_four_hundred_failures_on_a_host_are_one_paragraph() -> None:
    message = Message(
        [some_alert(n) for n in range(400)] + [some_alert(400, kind="held", evidence={})], [], NOW
    )
    assert body_of(message) == "400 on h.example.org are failing. One of them: s0 fails.\n\ns400 fails."
    assert headline(message) == "harvester: 401 need attention"


def test_ten_thousand_alerts_make_a_message_that_can_still_be_sent_and_read() -> None:
    many = [some_alert(n, evidence={"host": f"h{n}"}, sentence="x" * 2_000) for n in range(10_000)]
    told = json.loads(document(Message(many, many, NOW)))
    assert len(document(Message(many, many, NOW))) < 4 * 2**20
    assert (len(told["alerts"]), told["more"]) == (500, {"alerts": 9_500, "recoveries": 9_500})
    assert told["text"].endswith("and 19,960 more of this sort: `harvester status` shows all.")


def test_no_secret_is_in_any_log_message_or_row(
    watched: Watched, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", f"{CANARY}-hook")
    monkeypatch.setenv("MAIL_PASSWORD", f"{CANARY}-mail")
    with listening(Receiver()) as good, listening(Receiver()) as bad, listening(MailServer()) as mailbox:
        mailbox.credentials = ("me", f"{CANARY}-mail")
        bad.answers = [500] * 100

        def secret_url(each: Receiver) -> str:
            return each.url.replace("//", f"//me:{CANARY}-user@") + f"/{CANARY}-path?{CANARY}-query"

        hooks = (
            Webhook(secret_url(good), Secret("env:HOOK_SECRET")),
            Webhook(secret_url(bad), Secret("env:HOOK_SECRET")),
            Webhook(f"http://127.0.0.1:1/{CANARY}-gone"),
            Webhook(f"http://me:{CANARY}-bad@[/{CANARY}-unreadable"),
            Webhook(f"{good.url}/{CANARY}", Secret("env:NO_SUCH_SECRET")),
        )
        everybody = replace(settings(), notify=Notify(hooks, by(mailbox, tls="none"), 0.0))
        task = failing(watched)
        notify.tick(watched.engine, everybody, NOW)
        works(watched, task, HOUR)
        notify.tick(watched.engine, everybody, NOW + 2 * HOUR)
        mailbox.credentials = ("me", "another")
        failing(watched, "other")
        notify.tick(watched.engine, everybody, NOW + 3 * HOUR)
        assert good.requests[0].headers["authorization"].startswith("Basic "), (
            "its own credentials went along"
        )
        bodies = (
            b"".join(each.body for each in good.requests)
            + "".join(str(each) for each in mailbox.mails).encode()
        )
    assert said.getvalue().count("was not delivered") >= 4
    assert CANARY not in said.getvalue()
    assert CANARY.encode() not in bodies
    with watched.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.scalars(text(f"SELECT t::text FROM {table.name} AS t")):
                assert CANARY not in row, table.name
