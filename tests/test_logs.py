"""Logs: one line per event whatever is in it, no secret, and the libraries' events among them."""

import io
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from harvester import logs
from harvester.config import Secret

CANARY = "k4n4ry"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """What was logged as JSON so far; the logs are as nobody had configured them, afterwards."""
    stream = io.StringIO()
    with restored():
        logs.configure("json", stream)
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


class restored:  # noqa: N801 - reads as what it does
    """Whatever `configure` changes is as before."""

    def __enter__(self) -> None:
        self.root = logging.getLogger()
        self.handlers = list(self.root.handlers)
        self.levels = {name: logging.getLogger(name).level for name in (*logs._LIBRARIES, "harvester")}
        self.sink = (logs._sink.form, logs._sink.stream, logs._sink.configured)

    def __exit__(self, *_: object) -> None:
        self.root.handlers[:] = self.handlers
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)
        logs._sink.form, logs._sink.stream, logs._sink.configured = self.sink


def console() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("console", stream)
    return stream


def test_an_event_is_one_json_object_with_time_level_event_and_its_fields_in_order(lines) -> None:
    logs.logger("harvester.somewhere").info("a page was committed", records=10, size=1.5, set=None)
    [line] = lines()
    assert list(line) == ["timestamp", "level", "event", "logger", "records", "size", "set"]
    assert str(line["timestamp"]).endswith("Z")
    assert (line["level"], line["records"], line["set"]) == ("info", 10, None)


def test_what_is_bound_is_told_with_every_event_of_its_own_thread_and_of_no_other(lines) -> None:
    log = logs.logger("x")
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with logs.bound(repository="other", run=7):
            inside.set()
            assert done.wait(5)
            log.info("from the other")

    thread = threading.Thread(target=other)
    with logs.bound(repository="figshare", host="api.figshare.com"):
        thread.start()
        assert inside.wait(5)
        log.info("from here")
        with logs.bound(repository="inner"):
            log.info("from within")
        logging.getLogger("urllib3.connectionpool").warning("a library speaks")
        done.set()
        thread.join()
    log.info("afterwards")
    told = {line["event"]: (line.get("repository"), line.get("host"), line.get("run")) for line in lines()}
    assert told == {
        "from here": ("figshare", "api.figshare.com", None),
        "from within": ("inner", "api.figshare.com", None),
        "a library speaks": ("figshare", "api.figshare.com", None),
        "from the other": ("other", None, 7),
        "afterwards": (None, None, None),
    }


HOSTILE = "title\x1b[2J\x07\r\n2026-01-01T00:00:00Z error  forged\u202egnp.exe\u2028\x9b31m\ud800\x00\x7f"


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_hostile_record_cannot_forge_a_line_or_move_the_cursor(form: str) -> None:
    with restored():
        stream = io.StringIO()
        logs.configure(form, stream)  # type: ignore[arg-type]
        logs.logger("x").warning(HOSTILE, title=HOSTILE, sets=[HOSTILE, {HOSTILE: HOSTILE}])
        said = stream.getvalue()
    assert said.count("\n") == 1
    assert said.rstrip("\n").isprintable()
    assert "\\x1b[2J" in said
    assert "\\u202e" in said
    assert said.encode("utf-8")


def test_the_console_form_puts_values_so_that_each_can_be_told_from_the_next() -> None:
    with restored():
        stream = console()
        logs.logger("x").info("done", a="plain", b="two words", c="x=y", d="", e=None, f=[1, "zwei"])
        assert 'a=plain b="two words" c="x=y" d="" e=null f=[1, "zwei"]' in stream.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        f"asking https://me:{CANARY}@example.org/oai?verb=Identify",
        f"asking https://{CANARY}@example.org/",
        f"postgresql+psycopg://me:{CANARY}@[::1]:5432/db failed",
        f"Authorization: Basic {CANARY}",
        f"{{'Accept': '*/*', 'authorization': 'Bearer {CANARY}1'}}",
        f"Proxy-Authorization: Digest username=me, response={CANARY}",
        f"with bearer {CANARY}abcdefgh0=",
        f"Set-Cookie: session={CANARY}; Path=/",
        f"host=db user=me password={CANARY} dbname=x",
        f'{{"client_secret": "{CANARY}"}}',
        f"api_key={CANARY}&verb=x",
    ],
)
def test_no_credential_is_in_a_line_wherever_it_stands(said: str, lines) -> None:
    log = logs.logger("x")
    log.info(said)
    log.info("in a field", reason=said, nested={"a": [said]})
    logging.getLogger("urllib3").error("%s", said)
    try:
        raise ValueError(said)
    except ValueError:
        log.exception("raised")
    assert len(lines()) == 4
    assert CANARY not in json.dumps(lines())
    assert "***" in json.dumps(lines())


def test_values_under_names_that_mean_a_secret_are_hidden_and_a_secret_shows_its_source_only(
    lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCH_SECRET", CANARY)
    secret = Secret("env:WATCH_SECRET")
    assert secret.reveal() == CANARY
    logs.logger("x").info("x", password=CANARY, headers={"X-Api-Key": "1", "Cookie": CANARY}, webhook=secret)
    [line] = lines()
    assert line["password"] == "***"
    assert line["webhook"] == "env:WATCH_SECRET"
    assert CANARY not in json.dumps(line)


def test_what_is_no_secret_stays_readable(lines) -> None:
    said = "https://example.org/a@b?x=y basic principles of bearer bonds, mail me@example.org"
    logs.logger("x").info("x", title=said, token="abc-123")
    assert lines()[0]["title"] == said
    assert lines()[0]["token"] == "abc-123", "a resumptionToken is no secret"


def test_the_secret_that_a_cut_would_have_bared_is_masked_before_the_cut(lines) -> None:
    logs.logger("x").info("x", url="y" * 1_980 + f" https://me:{CANARY}@example.org/oai" + "z" * 90_000)
    assert CANARY not in json.dumps(lines())
    assert len(str(lines()[0]["url"])) < 2_100


def test_an_error_is_one_line_with_its_causes_and_places_and_without_sql(lines) -> None:
    def fails() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError(f"outer\n[SQL: INSERT {CANARY}]\n[parameters: {CANARY}]") from error

    try:
        fails()
    except ValueError:
        logs.logger("x").exception("it failed", run=1)
    logging.getLogger("apscheduler.executors.default").error("Job raised", exc_info=sys.exc_info())
    assert lines()[0]["error"] == "ValueError: outer < KeyError: 'inner'"
    assert "fails" in str(lines()[0]["where"])
    assert CANARY not in json.dumps(lines())


def test_a_cause_that_was_hidden_stays_hidden(lines) -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError:
            raise ValueError("outer") from None
    except ValueError:
        logs.logger("x").exception("it failed")
    assert lines()[0]["error"] == "ValueError: outer"


def test_libraries_speak_from_warning_on_and_ours_from_info(lines) -> None:
    for name in ("apscheduler.scheduler", "procrastinate.worker", "urllib3", "sqlalchemy.engine"):
        logging.getLogger(name).info("noise")
        logging.getLogger(name).warning("worth %s", "a look")
    logging.getLogger("harvester.schedule.queue").info("ours, by the standard library")
    logging.getLogger("harvester.schedule.queue").debug("noise")
    logs.logger("x").debug("noise")
    assert [line["event"] for line in lines()] == ["worth a look"] * 4 + ["ours, by the standard library"]


def test_configured_twice_every_event_is_told_once(lines) -> None:
    stream = io.StringIO()
    logs.configure("json", stream)
    logs.configure("json", stream)
    logging.getLogger("procrastinate").error("once")
    assert stream.getvalue().count("once") == 1


def test_a_library_whose_arguments_do_not_fit_its_format_is_still_heard(lines) -> None:
    [ours] = [each for each in logging.getLogger().handlers if isinstance(each, logs._FromLibraries)]
    ours.handle(
        logging.makeLogRecord({"msg": "%d of %s", "args": ("one",)})
    )  # pytest's own handlers would raise
    assert lines()[0]["event"] == "%d of %s"


def test_a_stream_that_is_gone_or_speaks_ascii_only_stops_nobody() -> None:
    with restored():
        closed = io.StringIO()
        closed.close()
        logs.configure("console", closed)
        logs.logger("x").error("nobody hears this")
        raw = io.BytesIO()
        logs.configure("console", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
        logs.logger("x").error("Zürich")
        assert b"Z\\xfcrich" in raw.getvalue()


def test_before_anybody_has_configured_it_only_what_is_wrong_is_said_and_on_stderr(capsys) -> None:
    with restored():
        logs._sink.form, logs._sink.stream, logs._sink.configured = "console", None, False
        logs.logger("x").info("progress")
        logs.logger("x").warning("trouble")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "trouble" in captured.err
    assert "progress" not in captured.err


def test_lines_of_many_threads_are_never_mixed(lines) -> None:
    log = logs.logger("x")
    threads = [
        threading.Thread(target=lambda n=n: [log.info("line", n=n, pad="p" * 500) for _ in range(50)])
        for n in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(lines()) == 400


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "part", ["://", "cookie ", "password", "basic ", "bearer a", "secret= '", "authorization", "a@", "\x1b"]
)
def test_what_is_logged_costs_time_in_proportion_to_its_length(part: str, lines) -> None:
    log = logs.logger("x")
    began = time.perf_counter()
    log.info("x", text=part * (1_000_000 // len(part)))
    assert time.perf_counter() - began < 1.0
