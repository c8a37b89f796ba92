"""What is in deploy/ fits the program and itself: names, ports, accounts, metrics, commands; and runs, as far as it can here."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from sqlalchemy import Engine, make_url, text

import harvester
from harvester.catalogue import embedded, postmaster, tools
from harvester.catalogue.connection import connect
from harvester.catalogue.gauges import STATES
from harvester.catalogue.migration import upgrade
from harvester.catalogue.query import Item, Scope, changed_since, find, search
from harvester.cli import app
from harvester.config import Settings, from_environment
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.outcomes import OUTCOMES
from harvester.harvest.plans import Wish
from harvester.harvest.reconcile import reconcile
from harvester.harvest.renormalise import renormalise
from harvester.mock import FakeRepository
from harvester.schedule import alerting, anomalies
from harvester.schedule.metrics import Metrics
from harvester.schedule.queue import Queue

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
README = DEPLOY / "README.md"
IMAGE = f"harvester:{harvester.__version__}"
UID = "10001"  # of harvester in the image, in volumes and in secrets
COMMAND = Path(sys.executable).parent / "harvester"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = ("harvester.service", "harvester-worker@.service")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def manifests() -> list[dict[str, Any]]:
    """Every document below deploy/kubernetes that a cluster is given."""
    found = [
        document
        for path in MANIFESTS
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    ]
    assert found
    return found


def of_kind(kind: str) -> list[dict[str, Any]]:
    found = [each for each in manifests() if each["kind"] == kind]
    assert found, kind
    return found


def words(said: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", said))


def run_it(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False, **options
    )


def needs(program: str, *trial: str) -> str:
    """The program's path; the test is skipped where it is missing, or cannot do what is asked of it."""
    found = shutil.which(program)
    if found is None or (trial and run_it(found, *trial).returncode != 0):
        pytest.skip(f"`{' '.join((program, *trial))}` does not work here")
    return found


def commands() -> set[str]:
    return {each.name or each.callback.__name__ for each in app.registered_commands if each.callback} | {
        each.name for each in app.registered_groups if each.name
    }


@pytest.fixture
def in_the_config_map(tmp_path: Path) -> Path:
    """The harvester.toml of the pods, as a file."""
    (config_map,) = of_kind("ConfigMap")
    file = tmp_path / "harvester.toml"
    file.write_text(config_map["data"]["harvester.toml"], "utf-8")
    return file


def test_the_example_of_a_configuration_is_taken(tmp_path: Path) -> None:
    file = DEPLOY / "harvester.example.toml"
    done = run_it(COMMAND, "config", "check", file, "--json", env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(file)


def test_the_containers_serve_where_they_are_asked(in_the_config_map: Path, tmp_path: Path) -> None:
    """One port in the configurations, health checks, probes, services and Prometheus."""
    (scrape,) = loaded(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    asked = {
        scrape["dns_sd_configs"][0]["port"],
        *(container(each)["ports"][0]["containerPort"] for each in of_kind("Deployment")),
        *(each["spec"]["ports"][0]["port"] for each in of_kind("Service")),
        *(int(port) for port in re.findall(r'HTTPConnection\("127\.0\.0\.1", (\d+)', str(compose()))),
    }
    for path in (in_the_config_map, DEPLOY / "harvester.container.toml"):
        service = from_environment({"HARVESTER_HOME": str(tmp_path), "HARVESTER_CONFIG": str(path)}).service
        assert (service.address, service.log) == ("0.0.0.0", "json")
        assert asked == {service.port}


def instructions() -> list[tuple[str, str]]:
    """(word, the rest) of each instruction of the Containerfile, continued lines joined."""
    said = (DEPLOY / "Containerfile").read_text("utf-8")
    lines = re.sub(r"\\\n\s*", "", "\n".join(line for line in said.splitlines() if not line.startswith("#")))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines.splitlines() if line]


def copied() -> list[str]:
    return [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


def test_the_image_copies_only_what_is_there_and_is_not_ignored() -> None:
    ignored = (ROOT / ".containerignore").read_text("utf-8")
    assert ignored == (DEPLOY / "Containerfile.dockerignore").read_text("utf-8")
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"\n!{source}\n" in ignored, f".containerignore hides {source}"


def test_the_image_can_be_built_from_what_it_copies(tmp_path: Path) -> None:
    hidden = shutil.ignore_patterns("__pycache__")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / "src" / source, ignore=hidden)
        else:
            (tmp_path / "src").mkdir(exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / "src")
    (build,) = [rest for word, rest in instructions() if word == "RUN" and "pip wheel" in rest]
    options = ["--no-index", "--no-deps", "--no-build-isolation"]
    assert all(option in build for option in options)
    (install,) = [rest for word, rest in instructions() if word == "RUN" and "--require-hashes" in rest]
    assert "-r constraints.txt" in install
    assert "\nhatchling==" in (ROOT / "constraints.txt").read_text("utf-8"), "nothing would build the wheel"
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", *options]
    done = run_it(*pip, f"--wheel-dir={tmp_path}", ".", cwd=tmp_path / "src")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"harvester/_data/schemas/entry.schema.json", "harvester/_data/schemas/config.schema.json"} <= held
    assert any(name.startswith("harvester/_data/alembic/versions/0001") for name in held)


def test_the_image_is_nobodys_root_and_begins_with_a_command_that_exists() -> None:
    last = dict(instructions())  # of each instruction the last, which is the one that holds
    assert last["USER"] == f"{UID}:{UID}"
    assert json.loads(last["ENTRYPOINT"]) == ["harvester"]
    assert json.loads(last["CMD"])[0] in commands()
    assert f"VERSION={harvester.__version__}" in [rest for word, rest in instructions() if word == "ARG"]
    for word, rest in instructions():
        if word == "RUN":
            done = run_it("sh", "-nc", re.sub(r"--mount=\S+", "", rest))
            assert done.returncode == 0, done.stderr


def images() -> list[str]:
    (python,) = [rest for word, rest in instructions() if word == "ARG" and rest.startswith("PYTHON=")]
    services = [each["image"] for each in compose()["services"].values()]
    return [
        python.removeprefix("PYTHON="),
        *services,
        *(container(each)["image"] for each in of_kind("Deployment")),
    ]


def test_every_image_has_a_version_and_no_registry() -> None:
    for image in images():
        name, _, tag = image.rpartition(":")
        assert name, f"{image} has no version"
        assert tag != "latest"
        assert not re.search(r"[.:]", name.split("/")[0]), f"{image} names a registry"
        assert not name.startswith("harvester") or image == IMAGE
    (ours,) = loaded(DEPLOY / "kubernetes" / "kustomization.yaml")["images"]
    assert f"{ours['name']}:{ours['newTag']}" == IMAGE


SERVICE_KEYS = words(
    "build cap_drop command configs depends_on deploy environment healthcheck image logging"
    " networks ports read_only restart secrets security_opt shm_size stop_grace_period tmpfs user volumes"
)


def compose() -> dict[str, Any]:
    found: dict[str, Any] = loaded(DEPLOY / "compose.yaml")
    return found


SERVICES = sorted(compose()["services"])


def names(said: list[Any]) -> set[str]:
    """What a service refers to, in the short or the long form."""
    return {each if isinstance(each, str) else each["source"] for each in said}


def test_compose_has_the_parts_it_promises() -> None:
    said = compose()
    assert set(said) - {key for key in said if key.startswith("x-")} == {
        *("name", "services", "networks", "volumes", "configs", "secrets"),
    }
    assert set(said["services"]) == {"postgres", "scheduler", "worker", "prometheus", "grafana"}
    assert said["services"]["worker"]["deploy"]["replicas"] == 2
    assert said["networks"]["database"] == {"internal": True}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_nothing_that_it_need_not(name: str) -> None:
    service = compose()["services"][name]
    assert set(service) <= SERVICE_KEYS, "a key that was not looked at, or is misspelt"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert service["restart"] == "unless-stopped"
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} == set(limits)
    assert service["healthcheck"]["test"][0] == "CMD"
    assert any(each.startswith("/tmp:") for each in service["tmpfs"])
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "other machines could reach it"


@pytest.mark.parametrize("name", SERVICES)
def test_all_that_a_container_refers_to_is_there(name: str) -> None:
    said = compose()
    service = said["services"][name]
    for kind in ("secrets", "configs"):
        assert names(service.get(kind, [])) <= set(said[kind])
    assert set(service["networks"]) <= set(said["networks"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in said["volumes"], source
    assert set(service.get("depends_on", [])) <= set(said["services"])
    for config in said["configs"].values():
        assert (DEPLOY / re.sub(r"\$\{\w+:-(.*)\}", r"\1", config["file"])).is_file()
    if "build" in service:
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).samefile(
            DEPLOY / "Containerfile"
        )
        assert service["command"][0] in commands()
        assert service["user"] == f"{UID}:{UID}"


def test_postgres_is_reached_with_the_secret_that_is_mounted() -> None:
    url = make_url(compose()["services"]["scheduler"]["environment"]["HARVESTER_DATABASE_URL"])
    assert (url.host, url.username, url.database, url.password) == (
        "postgres",
        "harvester",
        "harvester",
        None,
    )
    folder, _, secret = str(url.query["passfile"]).rpartition("/")
    assert folder == "/run/secrets"
    assert secret in compose()["services"]["scheduler"]["secrets"]
    role = (DEPLOY / "postgres" / "role.sql").read_text("utf-8")
    for secret in re.findall(r"/run/secrets/(\w+)", role):
        assert secret in compose()["services"]["postgres"]["secrets"]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_tells_a_ready_service_from_one_that_is_not(status: int, code: int) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/ready" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    kind, python, option, program = compose()["services"]["worker"]["healthcheck"]["test"]
    assert (kind, python, option) == ("CMD", "python", "-c")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = run_it(sys.executable, "-c", re.sub(r"\b9\d{3}\b", str(server.server_port), program))
        thread.join()
    assert done.returncode == code, done.stderr


def test_each_secret_can_be_read_by_its_reader_alone(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give files to other accounts")
    script = DEPLOY / "make-secrets.sh"
    assert run_it("sh", script, tmp_path / "secrets").returncode == 0
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose()["secrets"])
    for name, path in made.items():
        assert compose()["secrets"][name]["file"] == f"./secrets/{name}"
        readers = {
            each["user"].split(":")[0]
            for each in compose()["services"].values()
            if name in each.get("secrets", [])
        }
        assert readers == {str(path.stat().st_uid)}
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
    password = made["harvester_password"].read_text()
    assert re.fullmatch(r"[0-9a-f]{48}", password)
    assert made["harvester_pgpass"].read_text() == f"postgres:5432:harvester:harvester:{password}\n"
    assert "stays" in run_it("sh", script, tmp_path / "secrets").stderr
    assert made["harvester_password"].read_text() == password, "a second call would lock everybody out"


def test_docker_reads_the_compose_file() -> None:
    docker = needs("docker", "compose", "version")
    done = run_it(
        docker, "compose", "--file", DEPLOY / "compose.yaml", "config", "--quiet",
        env={**os.environ, "HARVESTER_CONTACT": "mailto:ops@example.org"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def psql(url: str, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the psql that comes with the embedded server, as the run book has people run theirs."""
    program = embedded.program("psql")
    assert program is not None
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    return run_it(program, *options, *arguments, tools.client_url(url), input=said)


@pytest.fixture(scope="module")
def own_engine(postgres: str, template: str) -> Iterator[Engine]:
    """A catalogue that the tests of this module share."""
    name = f"{template}_deploy"
    with psycopg.connect(tools.client_url(postgres), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def role(postgres: str, tmp_path: Path) -> Iterator[str]:
    """The URL of the database that role.sql makes, for the role that it makes; both under a name of this test's own."""
    name = f"librarian_{os.getpid()}"
    secret = tmp_path / "password"
    secret.write_text('it\'s a "secret"\n')
    said = (DEPLOY / "postgres" / "role.sql").read_text("utf-8")
    said = said.replace("/run/secrets/harvester_password", str(secret)).replace("harvester", name)
    with psycopg.connect(tools.client_url(postgres), autocommit=True) as connection:
        try:
            done = psql(postgres, said=said)
            assert done.returncode == 0, done.stderr
            yield (
                make_url(postgres)
                .set(username=name, password='it\'s a "secret"', database=name)
                .render_as_string(hide_password=False)
            )
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"DROP ROLE IF EXISTS {name}")


def test_the_role_of_compose_may_do_all_that_harvester_does(role: str, fake: FakeRepository) -> None:
    engine = connect(role)
    try:
        upgrade(engine)
        Queue(engine).prepare()
        assert harvest(engine, Request(fake.url, name="fake")).outcome == "complete"
        with engine.connect() as connection:
            may_all = text("SELECT usesuper FROM pg_user WHERE usename = current_user")
            assert connection.scalar(may_all) is False
    finally:
        engine.dispose()


WHOLE = Scope(deleted=True, all_formats=True)


def partition(engine: Engine, whales: str) -> None:
    script = f"--file={DEPLOY / 'postgres' / 'partition.sql'}"
    url = engine.url.render_as_string(hide_password=False)
    done = psql(url, "--single-transaction", f"--set=whales={whales}", script)
    assert done.returncode == 0, done.stderr


def described(engine: Engine) -> dict[str, list[str]]:
    """Columns, keys and indexes of `records`, as Postgres tells of them, without what partitioning adds."""
    asked = {
        "columns": "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attstorage, col_description(attrelid, attnum),"
        " pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE attrelid = 'records'::regclass AND attnum > 0",
        "keys": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'records'::regclass AND contype <> 'n'",
        "indexes": "SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE tablename = 'records'",
    }
    with engine.connect() as connection:
        return {
            what: sorted(str(tuple(row)) for row in connection.execute(text(sql)))
            for what, sql in asked.items()
        }


@dataclass(frozen=True)
class Partitioned:
    """A catalogue of two repositories after partition.sql, with what it was before."""

    engine: Engine
    whale: FakeRepository
    other: FakeRepository
    shape: dict[str, list[str]]
    held: list[Item]


@pytest.fixture(scope="module")
def partitioned(own_engine: Engine) -> Iterator[Partitioned]:
    with FakeRepository(records=120, page_size=50) as whale, FakeRepository(records=30, seed=7) as other:
        for name, source in (("whale", whale), ("other", other)):
            harvest(own_engine, Request(source.url, name=name))
        held, shape = list(find(own_engine, scope=WHOLE)), described(own_engine)
        partition(own_engine, "1,4711")
        yield Partitioned(own_engine, whale, other, shape, held)


def test_a_partitioned_catalogue_has_the_same_columns_keys_and_indexes(partitioned: Partitioned) -> None:
    assert described(partitioned.engine) == partitioned.shape
    with partitioned.engine.connect() as connection:
        spread = text("SELECT repository_id, count(DISTINCT tableoid) FROM records GROUP BY 1 ORDER BY 1")
        (_, whale), (_, other) = connection.execute(spread)
    assert whale == 16
    assert other > 10


def test_a_partitioned_catalogue_can_be_worked_on(partitioned: Partitioned, tmp_path: Path) -> None:
    engine = partitioned.engine
    now = {item.place: item for item in find(engine, scope=WHOLE)}
    assert [now[item.place] for item in partitioned.held] == partitioned.held
    for store in (partitioned.whale.store, partitioned.other.store):
        old = [each.identifier for each in store.records if not each.deleted]
        store.add(20)
        for identifier in old[:5]:
            store.revise(identifier)
        for identifier in old[5:15]:
            store.delete(identifier)
    reports = [harvest(engine, Request(name)) for name in ("whale", "other")]
    reports.append(harvest(engine, Request("whale", wish=Wish(full=True))))
    reports.append(harvest(engine, Request("whale", formats=["oai_datacite"])))
    assert {each.outcome for each in reports} <= {"complete", "complete_unverified"}
    counts = reports[0].streams[0].counts
    assert (counts.created, counts.updated, counts.deleted) == (20, 5, 10)
    alive = [each for source in (partitioned.whale, partitioned.other) for each in source.store.records]
    assert len(list(find(engine))) == sum(not each.deleted for each in alive)
    assert renormalise(engine, Settings(tmp_path), None).read > 200
    assert reconcile(engine, Request("whale", formats=["oai_dc"])).outcome == "complete"
    assert search(engine, "series")
    assert {item.repository for _, item in changed_since(engine, limit=1000)} == {"whale", "other"}
    with engine.connect() as connection:
        tallied = connection.scalar(text("SELECT sum(live) FROM tallies WHERE set_id = 0"))
        assert tallied == connection.scalar(text("SELECT count(*) FROM records WHERE NOT deleted"))


def test_a_partitioned_catalogue_with_a_queue_moves_by_dump_and_restore(
    partitioned: Partitioned, elsewhere: str, tmp_path: Path
) -> None:
    url = partitioned.engine.url.render_as_string(hide_password=False)
    Queue(partitioned.engine).prepare()
    tools.dump(Settings(tmp_path, url), tmp_path / "d", lambda _: None)
    tools.restore(Settings(tmp_path, elsewhere), tmp_path / "d", lambda _: None)
    restored = connect(elsewhere)
    try:
        Queue(restored).prepare()
        assert described(restored) == partitioned.shape
        assert list(find(restored, scope=WHOLE)) == list(find(partitioned.engine, scope=WHOLE))
        later = re.search(
            r"BEGIN;\n(CREATE TABLE records_of_17 .*?)COMMIT;", README.read_text("utf-8"), re.DOTALL
        )
        assert later is not None
        assert psql(elsewhere, "--single-transaction", said=later[1].replace("17", "2")).returncode == 0
        partitioned.other.store.add(3)
        assert harvest(restored, Request("other")).streams[0].counts.created >= 3
        with restored.connect() as connection:
            place = text("SELECT DISTINCT tableoid::regclass::text FROM records WHERE repository_id = 2")
            assert connection.scalars(place).all() == ["records_of_2"]
    finally:
        restored.dispose()


def test_partitioning_twice_is_refused_and_changes_nothing(partitioned: Partitioned) -> None:
    with pytest.raises(AssertionError, match="is not a plain table"):
        partition(partitioned.engine, "1")
    assert described(partitioned.engine) == partitioned.shape


def unit(name: str) -> list[tuple[str, str]]:
    lines = (DEPLOY / "systemd" / name).read_text("utf-8").splitlines()
    return [
        (line.partition("=")[0], line.partition("=")[2]) for line in lines if "=" in line and line[0] != "#"
    ]


def exec_stop_post(lock: Path) -> list[str]:
    (said,) = [value for key, value in unit("harvester.service") if key == "ExecStopPost"]
    script = re.fullmatch(r"/bin/sh -c '([^']+)'", said)
    assert script is not None
    return ["/bin/sh", "-c", script[1].replace("/var/lib/harvester/postgres/supervisor.lock", str(lock))]


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with their drop-ins, begun with a harvester that is here."""
    folder = tmp_path / "units"
    for name in UNITS:
        (folder / f"{name}.d").mkdir(parents=True)
        shutil.copy(DEPLOY / "systemd" / "secrets.conf", folder / f"{name}.d")
        said = (DEPLOY / "systemd" / name).read_text("utf-8")
        (folder / name).write_text(said.replace("/opt/harvester/bin/harvester", str(COMMAND)))
    return [folder / name for name in UNITS]


def test_systemd_understands_every_line_of_the_units(units: list[Path]) -> None:
    analyze = needs("systemd-analyze", "--version")
    for path in units:
        done = run_it(analyze, "verify", path)
        assert (done.returncode, done.stderr) == (0, ""), "unknown keys are only warned of"


def test_systemd_finds_the_units_hard_to_break_out_of(units: list[Path]) -> None:
    analyze = needs("systemd-analyze", "security", "--help")
    for path in units:
        done = run_it(analyze, "security", "--offline=true", "--threshold=20", path)
        assert done.returncode == 0, done.stdout.splitlines()[-1:] + done.stderr.splitlines()


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_begins_a_command_that_exists_as_the_account_that_owns_its_folder(name: str) -> None:
    said = dict(unit(name))
    program, command, *_ = said["ExecStart"].split()
    assert program.endswith("/harvester")
    assert command in commands()
    assert (said["User"], said["KillMode" if name == UNITS[0] else "Group"]) in {
        ("harvester", "mixed"),
        ("harvester", "harvester"),
    }
    assert said["RestartPreventExitStatus"] == "2"
    assert said["StartLimitIntervalSec"] == "0", "after a long night without Postgres it would stay down"
    assert said["SystemCallFilter"] == "~@privileged @resources"
    environment = " ".join(value for key, value in unit(name) if key == "Environment")
    assert "HARVESTER_HOME=/var/lib/harvester " in environment
    assert "/etc/harvester/harvester.toml" in environment


def test_what_the_embedded_server_needs_is_left_to_it() -> None:
    said = dict(unit("harvester.service"))
    assert (said["PrivateIPC"], said["RemoveIPC"], said["ProtectProc"]) == ("no", "no", "default")
    assert "AF_UNIX" in said["RestrictAddressFamilies"].split()
    folders = {f"/var/lib/{each}" for each in said["StateDirectory"].split()}
    (temporary,) = [
        value.removeprefix("TMPDIR=")
        for key, value in unit("harvester.service")
        if key == "Environment" and value.startswith("TMPDIR=")
    ]
    assert temporary in folders
    socket = Path(temporary) / f"harvester-{'0' * 10}" / postmaster.SOCKET
    assert len(os.fsencode(socket)) <= postmaster.SOCKET_PATH_BYTES
    assert temporary in README.read_text("utf-8"), "people's commands look for the socket there"


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_the_unit_waits_for_the_embedded_server_before_the_rest_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = "import sys; from pathlib import Path; from harvester.catalogue import embedded;"
    program += "embedded.start(Path(sys.argv[1]), durable=False)"
    assert run_it(sys.executable, "-c", program, home, cwd=ROOT).returncode == 0
    folder = home / "postgres"
    assert postmaster.status(folder / postmaster.DATA)[0], "it was to run for a moment longer than its user"
    waited = run_it(*exec_stop_post(folder / postmaster.TURN))
    assert waited.returncode == 0
    assert postmaster.status(folder / postmaster.DATA)[0] == 0, (
        "Postgres would have been killed while it stops"
    )
    # With a Postgres of the operator's there is nothing to wait for.
    assert run_it(*exec_stop_post(tmp_path / "none" / "supervisor.lock")).returncode == 0


API = {
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
}
POD_KEYS = words(
    "automountServiceAccountToken containers enableServiceLinks securityContext serviceAccountName"
    " terminationGracePeriodSeconds topologySpreadConstraints volumes"
)
CONTAINER_KEYS = words(
    "args env image imagePullPolicy livenessProbe name ports readinessProbe resources"
    " securityContext startupProbe volumeMounts"
)
PROBE_KEYS = {"failureThreshold", "httpGet", "periodSeconds", "timeoutSeconds"}


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def test_every_manifest_is_of_a_kind_that_a_cluster_knows() -> None:
    for each in manifests():
        assert each["apiVersion"] == API[each["kind"]], each["kind"]
        assert each["metadata"]["name"]
        assert each["metadata"]["labels"]["app.kubernetes.io/name"] == "harvester"
        assert each["metadata"].get("namespace", "harvester") == "harvester"
    listed = set(loaded(DEPLOY / "kubernetes" / "kustomization.yaml")["resources"])
    optional = {"kustomization.yaml", "secret.example.yaml", "servicemonitor.yaml"}
    assert listed == {path.name for path in MANIFESTS} - optional


def test_every_selector_finds_its_pods() -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind("Deployment")
    }
    for each in of_kind("Deployment"):
        assert each["spec"]["selector"]["matchLabels"].items() <= labels[each["metadata"]["name"]].items()
    for each in of_kind("PodDisruptionBudget"):
        wanted = each["spec"]["selector"]["matchLabels"].items()
        assert [name for name, found in labels.items() if wanted <= found.items()] == [
            each["metadata"]["name"]
        ]
    everywhere = [each["spec"]["selector"] for each in of_kind("Service")]
    everywhere += [each["spec"]["podSelector"]["matchLabels"] for each in of_kind("NetworkPolicy")]
    for selector in everywhere:
        assert all(selector.items() <= found.items() for found in labels.values())
    (monitor,) = of_kind("ServiceMonitor")
    (service,) = of_kind("Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_a_pod_can_do_nothing_that_it_need_not(name: str) -> None:
    (deployment,) = [each for each in of_kind("Deployment") if each["metadata"]["name"] == name]
    pod, only = deployment["spec"]["template"]["spec"], container(deployment)
    assert set(pod) <= POD_KEYS, "a key that was not looked at, or is misspelt"
    assert set(only) <= CONTAINER_KEYS, "a key that was not looked at, or is misspelt"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) == UID
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert {"memory"} <= set(only["resources"]["limits"])
    # The service needs ten seconds from the signal to its end.
    assert pod["terminationGracePeriodSeconds"] > 10


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_all_that_a_pod_refers_to_is_there(name: str) -> None:
    (deployment,) = [each for each in of_kind("Deployment") if each["metadata"]["name"] == name]
    pod, only = deployment["spec"]["template"]["spec"], container(deployment)
    assert only["args"][0] in commands()
    ports = {each["name"] for each in only["ports"]}
    for probe, path in (("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")):
        assert set(only[probe]) <= PROBE_KEYS
        assert only[probe]["httpGet"]["port"] in ports
        assert only[probe]["httpGet"]["path"] == path
    assert {each["name"] for each in only["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert {"/data", "/tmp"} <= {each["mountPath"] for each in only["volumeMounts"]}
    kept = {(each["kind"], each["metadata"]["name"]): each for each in manifests()}
    assert ("ServiceAccount", pod["serviceAccountName"]) in kept
    for volume in pod["volumes"]:
        if "configMap" in volume:
            assert ("ConfigMap", volume["configMap"]["name"]) in kept
        if "secret" in volume:
            assert ("Secret", volume["secret"]["secretName"]) in kept
    for variable in only["env"]:
        if "valueFrom" in variable:
            secret = variable["valueFrom"]["secretKeyRef"]
            assert secret["key"] in kept["Secret", secret["name"]]["stringData"]
    mounts = {each["name"]: each["mountPath"] for each in only["volumeMounts"]}
    (config,) = [each["value"] for each in only["env"] if each["name"] == "HARVESTER_CONFIG"]
    assert config == f"{mounts['config']}/harvester.toml"
    assert "harvester.toml" in kept["ConfigMap", "harvester"]["data"]


def test_the_example_of_a_secret_has_no_value() -> None:
    (secret,) = of_kind("Secret")
    assert set(secret["stringData"].values()) == {""}


def test_kubectl_builds_the_manifests() -> None:
    kubectl = needs("kubectl", "version", "--client")
    done = run_it(kubectl, "kustomize", DEPLOY / "kubernetes")
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert {each["kind"] for each in built} == set(API) - {"Secret", "ServiceMonitor"}
    assert {container(each)["image"] for each in built if each["kind"] == "Deployment"} == {IMAGE}


SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
FROM_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}
# The values that a label can have, where the code has a list of them.
KINDS = {
    getattr(module, name)
    for module, names_ in (
        (alerting, ("FAILING", "LATE", "HELD", "REFUSED", "HOST", "DISK", "CATALOGUE")),
        (anomalies, ("DROP", "SILENT", "TOKENS", "QUARANTINE")),
    )
    for name in names_
}
VALUES = {
    ("harvester_tasks_total", "outcome"): set(OUTCOMES),
    ("harvester_alerts", "kind"): KINDS,
    ("harvester_streams", "state"): set(STATES),
    ("up", "job"): {"harvester"},
}


@pytest.fixture(scope="module")
def exported(own_engine: Engine) -> dict[str, set[str]]:
    """The labels of every metric that a process of the service has, by the names that Prometheus knows them by."""
    metrics = Metrics(own_engine, lambda: 0)
    own = {
        each._name: set(each._labelnames)
        for each in vars(metrics).values()
        if isinstance(each, MetricWrapperBase)
    }
    try:
        families = list(metrics.registry.collect())
    finally:
        metrics.close()
    found = {}
    for family in families:
        labels = own.get(family.name, set(getattr(family, "_labelnames", ())))
        for suffix in SUFFIXES[family.type]:
            found[f"{family.name}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set())
    assert found["harvester_pages_total"] == {"repository"}
    return found


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in loaded(DEPLOY / "prometheus" / "alerts.yml")["groups"] for rule in group["rules"]
    ]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))[
        "panels"
    ]
    return found


def queries() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    return asked + [rule["expr"] for rule in rules()]


def complaints(query: str, known: dict[str, set[str]]) -> list[str]:
    """Metrics, labels and their values that a PromQL query names and nobody has."""
    found = []
    used = re.findall(r"\b(harvester_\w+|up)\b(?:\{([^}]*)\})?", query)
    for metric, selectors in used:
        if metric not in known:
            found.append(f"no metric {metric}")
            continue
        for label, value in re.findall(r'(\w+)\s*=~?\s*"([^"]*)"', selectors):
            if label not in known[metric] | {"job", "instance"}:
                found.append(f"{metric} has no label {label}")
            possible = VALUES.get((metric, label), {value})
            found += [f"{metric} has no {label} {each}" for each in value.split("|") if each not in possible]
    labels = set().union(*(known.get(metric, set()) for metric, _ in used)) | {"job", "instance"}
    for group in re.findall(r"\bby\s*\(([^)]*)\)", query):
        found += [
            f"nothing has the label {each}" for each in re.split(r"\s*,\s*", group) if each not in labels
        ]
    return found or ([] if used else ["it asks for nothing of ours"])


def test_every_metric_of_dashboard_and_rules_is_exported(exported: dict[str, set[str]]) -> None:
    known = exported | FROM_PROMETHEUS
    wrong = [f"{query}: {said}" for query in queries() for said in complaints(query, known)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(rate(harvester_page_total[5m]))", "no metric harvester_page_total"),
        ("sum by (repo) (harvester_pages_total)", "nothing has the label repo"),
        ('harvester_pages_total{repo="x"}', "harvester_pages_total has no label repo"),
        ('harvester_alerts{kind=~"held|hold"}', "harvester_alerts has no kind hold"),
        ("rate(go_goroutines[5m])", "it asks for nothing of ours"),
    ],
)
def test_a_query_that_would_show_nothing_is_found_out(
    query: str, said: str, exported: dict[str, set[str]]
) -> None:
    assert complaints(query, exported | FROM_PROMETHEUS) == [said]


def test_every_metric_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    shown = " ".join(target["expr"] for panel in panels() for target in panel.get("targets", []))
    missing = [name for name in exported if not re.search(rf"\b{name}\b", shown)]
    assert [name for name in missing if not name.endswith(("_sum", "_count"))] == []


def test_every_alert_says_in_words_what_is_wrong_and_the_run_book_what_to_do() -> None:
    named = [rule["alert"] for rule in rules()]
    assert len(set(named)) == len(named)
    assert set(re.findall(r"^\*\*(\w+)\*\*:", README.read_text("utf-8"), re.MULTILINE)) == set(named)
    for rule in rules():
        assert re.fullmatch(r"\d+[mhd]", rule["for"]), "one slow answer is nothing to wake somebody for"
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert len(rule["annotations"]["summary"]) > 20
        assert rule["annotations"]["description"].endswith(".")
    tested = (DEPLOY / "prometheus" / "alerts.test.yml").read_text("utf-8")
    assert [name for name in named if name not in tested] == []


def test_promtool_takes_the_rules_and_they_speak_when_they_should() -> None:
    promtool = needs("promtool", "--version")
    for what in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ):
        done = run_it(promtool, *what, cwd=DEPLOY / "prometheus")
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_whole_and_grafana_finds_it() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert at["x"] + at["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["description"].endswith(".")
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
    (variable,) = dashboard["templating"]["list"]
    (source,) = loaded(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert (variable["name"], variable["current"]["value"]) == ("datasource", source["uid"])
    assert source["url"] == "http://prometheus:9090"
    (provider,) = loaded(DEPLOY / "grafana" / "provisioning" / "dashboards" / "harvester.yaml")["providers"]
    mounted = [volume.split(":")[1] for volume in compose()["services"]["grafana"]["volumes"]]
    assert any(Path(path).parent == Path(provider["options"]["path"]) for path in mounted)


def test_prometheus_asks_the_containers_that_compose_begins() -> None:
    (job,) = loaded(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert job["job_name"] == "harvester", "rules and dashboard know it by this name"
    asked = job["dns_sd_configs"][0]["names"]
    ours = [name for name, service in compose()["services"].items() if service["image"] == IMAGE]
    assert sorted(asked) == sorted(ours)
    networks = [set(compose()["services"][name]["networks"]) for name in (*ours, "prometheus")]
    assert set.intersection(*networks) == {"watching"}


def test_the_run_book_names_every_file_and_no_other() -> None:
    said = README.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", said):
        assert (DEPLOY / link).exists(), link
    for path in DEPLOY.iterdir():
        if path.name not in ("README.md", ".gitignore", ".env", "secrets", "harvester.toml"):
            assert path.name in said, f"the run book does not say what {path.name} is for"


def test_every_command_of_the_run_book_exists() -> None:
    said = README.read_text("utf-8") + (DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", said, re.DOTALL)
    spans = [
        " ".join(span.split())
        for span in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", said, flags=re.DOTALL))
    ]
    named = set(
        re.findall(r"(?:^|(?<!-[gn])[ /(])harvester ([a-z]+)", "\n".join(blocks + spans), re.MULTILINE)
    )
    assert {"run", "worker", "db", "status", "add", "config"} <= named
    assert sorted(named - commands()) == []


def test_nothing_here_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    for path in (*DEPLOY.rglob("*"), ROOT / ".containerignore"):
        if path.is_file() and "secrets" not in path.parts:
            said = path.read_text("utf-8")
            assert not re.search(
                r"\b(docker\.io|ghcr\.io|quay\.io|gcr\.io|registry\.k8s\.io|pypi\.org)\b", said
            ), path
            assert str(ROOT) not in said, path
            assert "/home/" not in said, path
