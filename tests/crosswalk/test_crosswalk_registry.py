"""Crosswalks of others: found by the entry points of what is installed, and a broken one is a sentence."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

CHECKOUT = Path(__file__).parents[2]
LEAFLET = (
    '<l:leaflet xmlns:l="https://example.org/leaflet"><l:heading>Mind the gap</l:heading><l:maker>Curie, Marie</l:maker>'
    "<l:made>1903</l:made><l:paper>blue</l:paper></l:leaflet>"
)
DUBLIN_CORE = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>Ours</dc:title></oai_dc:dc>"
)
# As README shows it.
MODULE = """
    from harvester.crosswalk import Crosswalk
    from harvester.crosswalk.formats import oai_dc
    from harvester.crosswalk.tree import descend, leaf

    BRANCHES = {"heading": leaf(oai_dc.title), "maker": leaf(oai_dc.creator), "made": leaf(oai_dc.date)}

    def read(metadata, draft):
        descend(draft, metadata, BRANCHES)

    CROSSWALK = Crosswalk("leaflet", 1, read, roots=("{https://example.org/leaflet}leaflet",))
"""
Ended = subprocess.CompletedProcess[str]
Normalise = Callable[..., Ended]


@pytest.fixture
def normalise(tmp_path: Path) -> Normalise:
    """Runs `harvester normalise -` where a distribution with one crosswalk is installed."""

    def run(document: str, module: str = MODULE, point: str = "leaflets:CROSSWALK") -> Ended:
        site = tmp_path / "site"
        info = site / "leaflets-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / "leaflets.py").write_text(dedent(module))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaflets\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[harvester.crosswalks]\nleaflet = {point}\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
        return subprocess.run(
            [sys.executable, "-c", "from harvester.cli import main; main()", "normalise", "-", "-"],
            input=document,
            capture_output=True,
            text=True,
            env=kept | {"PYTHONPATH": os.pathsep.join([str(site), str(CHECKOUT)])},
            timeout=60,
            check=False,
        )

    return run


def line(done: Ended) -> dict[str, object]:
    first: dict[str, object] = json.loads(done.stdout.splitlines()[0])
    return first


def test_a_format_of_ones_own_is_read_without_a_change_of_harvester(normalise: Normalise) -> None:
    found = line(normalise(LEAFLET))
    assert found["crosswalk"] == "leaflet"
    entry = found["entry"]
    assert isinstance(entry, dict)
    assert (entry["title"], entry["issued"], entry["problems"]) == ("Mind the gap", "1903", [])
    assert [each["name"] for each in entry["creators"]] == ["Curie, Marie"]
    assert found["unread"] == {"{https://example.org/leaflet}paper": 1}


def test_without_it_the_same_document_is_an_unknown_format(normalise: Normalise) -> None:
    module = MODULE.replace("leaflet}leaflet", "leaflet}another")
    assert line(normalise(LEAFLET, module))["crosswalk"] != "leaflet"


def test_formats_of_ours_are_read_beside_it(normalise: Normalise) -> None:
    assert line(normalise(DUBLIN_CORE))["crosswalk"] == "dc"


def test_who_installs_one_for_a_root_of_ours_wants_it(normalise: Normalise) -> None:
    module = MODULE.replace(
        "{https://example.org/leaflet}leaflet", "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
    )
    assert line(normalise(DUBLIN_CORE, module))["crosswalk"] == "leaflet"


@pytest.mark.parametrize(
    ("module", "point", "said"),
    [
        ("raise RuntimeError('broken on purpose')", "leaflets:CROSSWALK", "RuntimeError: broken on purpose"),
        ("import nothing_of_this_name", "leaflets:CROSSWALK", "nothing_of_this_name"),
        ("def half(:", "leaflets:CROSSWALK", "SyntaxError"),
        ("", "leaflets:CROSSWALK", "CROSSWALK"),
        ("", "gone:CROSSWALK", "gone"),
        ("CROSSWALK = 'no crosswalk'", "leaflets:CROSSWALK", "is no harvester.crosswalk.Crosswalk"),
    ],
    ids=["raises", "imports what is not there", "no Python", "names nothing", "no module", "another thing"],
)
def test_a_broken_one_is_a_sentence_that_names_it_once(
    module: str, point: str, said: str, normalise: Normalise
) -> None:
    done = normalise(DUBLIN_CORE, module, point)
    assert (done.returncode, done.stdout) == (2, "")
    (told,) = done.stderr.splitlines()
    assert told.startswith("harvester: the crosswalk leaflet (")
    assert said in told
