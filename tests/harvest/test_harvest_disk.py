"""A disk that fills up while the catalogue is written, and is given room again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harvester.mock import FakeRepository

# In a mount namespace of its own: $1 harvester, $2 a folder, $3 the repository. The disk of an empty catalogue has little room left,
# then much.
RECORDS = 4_000
SCRIPT = """
mount -t tmpfs -o size=900m tmpfs "$2"
"$1" list > "$2.empty"
mount -o remount,size=$(( $(df --output=used -k "$2" | tail -1) + 6000 ))k "$2"
"$1" harvest "$3" --name small --quiet --json > "$2.first"; echo $? > "$2.first.code"
mount -o remount,size=900m "$2"
"$1" harvest small --quiet --json > "$2.second"; echo $? > "$2.second.code"
"$1" export --as jsonl > "$2.lines"
"""


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="a disk is mounted: only root on Linux can"
)
def test_a_disk_that_fills_up_is_named_and_loses_nothing_committed(tmp_path: Path) -> None:
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no mount namespace can be made here")
    disk = tmp_path / "disk"
    disk.mkdir()
    harvester = str(Path(sys.executable).with_name("harvester"))
    with FakeRepository(records=RECORDS, page_size=100) as fake:
        subprocess.run(
            ["unshare", "-m", "sh", "-c", SCRIPT, "sh", harvester, str(disk), fake.url],
            env={**os.environ, "HARVESTER_HOME": str(disk / "home")},
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=True,
        )
        live = {each.identifier for each in fake.store.records if not each.deleted}
    first, second = (json.loads((tmp_path / f"disk.{name}").read_text()) for name in ("first", "second"))
    assert (first["outcome"], (tmp_path / "disk.first.code").read_text().strip()) == ("failed", "1")
    assert "the disk of the catalogue is full" in first["streams"][0]["sentence"]
    kept = first["streams"][0]["received"]
    assert 0 < kept < RECORDS
    assert second["outcome"] == "complete"
    assert second["streams"][0]["received"] == RECORDS - kept, "what was committed is not asked for again"
    lines = (tmp_path / "disk.lines").read_text().splitlines()
    assert {json.loads(line)["identifier"] for line in lines} == live
