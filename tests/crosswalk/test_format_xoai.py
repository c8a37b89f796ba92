"""What would hurt users of DSpace's xoai: files that are not the item's, another record's title, a value in the wrong field."""

import copy
import time
from collections import Counter
from pathlib import Path

import pytest
from corpus_documents import documents
from lxml import etree
from test_crosswalk_audit import XOAI_PASSED, path_of

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats.xoai_files import DERIVED
from harvester.crosswalk.registry import crosswalk_for
from harvester.entry import Problem

XOAI = "http://www.lyncode.com/xoai"
ORCID = "0000-0002-1825-0097"


def nested(*names: str, value: str) -> str:
    opened = "".join(f'<element name="{name}">' for name in names)
    return f'{opened}<field name="value">{value}</field>{"</element>" * len(names)}'


def read(*inner: str, namespace: str = f' xmlns="{XOAI}"') -> Reading:
    return normalise(etree.fromstring(f"<metadata{namespace}>{''.join(inner)}</metadata>"))


@pytest.mark.parametrize(
    "namespace", [f' xmlns="{XOAI}"', "", ' xmlns="http://www.openarchives.org/OAI/2.0/"']
)
def test_the_root_is_known_wherever_its_namespace_went(namespace: str) -> None:
    reading = read(nested("dc", "title", "none", value="Reeds"), namespace=namespace)
    assert (reading.crosswalk, reading.entry.title) == ("xoai", "Reeds")


def test_any_other_metadata_is_left_to_others() -> None:
    for other in ("<metadata/>", "<metadata><title>T</title></metadata>", "<metadata><element/></metadata>"):
        assert crosswalk_for(etree.fromstring(other)).name != "xoai"


def test_a_language_is_not_taken_for_a_qualifier_nor_the_other_way_round() -> None:
    entry = read(
        nested("dc", "title", "pt_BR", value="Juncos"),
        nested("dc", "title", "alternative", "es", value="Otros juncos"),
        nested("dc", "language", "iso", "none", value="por"),
        nested("dc", "subject", "ddc", "*", value="581.7"),
    ).entry
    assert [(title.text, title.type, title.language) for title in entry.titles] == [
        ("Juncos", "main", "pt-BR"),
        ("Otros juncos", "alternative", "es"),
    ]
    assert entry.languages == ("pt",)
    assert (entry.subjects[0].scheme, entry.subjects[0].code) == ("DDC", "581.7")


def test_what_stands_beside_a_value_belongs_to_the_value_before_it() -> None:
    fields = (
        '<field name="value">Ames, Ann</field>'
        f'<field name="value">Bell, Bob</field><field name="authority">{ORCID}</field><field name="confidence">600</field>'
        '<field name="value">Cole, Cat</field>'
    )
    inner = f'<element name="dc"><element name="contributor"><element name="author"><element name="none">{fields}</element></element></element></element>'
    assert [agent.orcid for agent in read(inner).entry.creators] == [None, ORCID, None]


def test_the_record_of_a_person_behind_a_name_is_not_the_items() -> None:
    person = nested("dc", "title", "none", value="A person") + nested(
        "dc", "date", "issued", "none", value="1950"
    )
    inner = (
        '<element name="dc"><element name="contributor"><element name="author"><element name="none">'
        f'<field name="value">Ames, Ann</field><element name="authority">{person}</element>'
        "</element></element></element></element>"
    )
    reading = read(inner, nested("dc", "title", "none", value="Reeds"))
    assert [title.text for title in reading.entry.titles] == ["Reeds"]
    assert reading.entry.dates == ()
    assert reading.unread == {"dc.contributor.author.none.authority": 2}


def bundle(name: str, *fields: tuple[str, str]) -> str:
    said = "".join(f'<field name="{key}">{value}</field>' for key, value in fields)
    return (
        f'<element name="bundles"><element name="bundle"><field name="name">{name}</field>'
        f'<element name="bitstreams"><element name="bitstream">{said}</element></element></element></element>'
    )


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_what_dspace_makes_of_the_files_is_no_file_of_the_item(name: str) -> None:
    reading = read(bundle(name, ("name", "x.txt"), ("url", "https://a.example.org/x.txt")))
    assert (reading.entry.files, reading.unread) == ((), {})
    assert reading.entry.problems == (Problem("files", "files_not_listed", f"{name}: 1"),)


def test_of_derived_files_the_number_is_said() -> None:
    one = '<element name="bitstream"><field name="name">x.txt</field></element>'
    said = "".join(
        f'<element name="bundle"><field name="name">{name}</field><element name="bitstreams">{one * count}</element></element>'
        for name, count in (("THUMBNAIL", 1), ("ORIGINAL", 2), ("TEXT", 2), ("LICENSE", 0), ("THUMBNAIL", 3))
    )
    reading = read(f'<element name="bundles">{said}</element>')
    assert (len(reading.entry.files), reading.unread) == (2, {})
    assert reading.entry.problems == (Problem("files", "files_not_listed", "THUMBNAIL: 4, TEXT: 2"),)


def test_files_of_a_bundle_that_is_not_known_are_counted() -> None:
    assert read(bundle("MAPS", ("name", "x.png"))).unread == {"bundles.MAPS": 2}


def test_a_file_keeps_its_size_and_checksum() -> None:
    file = read(
        bundle(
            "ORIGINAL", ("name", "x.pdf"), ("size", "12"), ("checksum", "ab"), ("checksumAlgorithm", "MD5")
        )
    ).entry.files[0]
    assert (file.name, file.size, file.checksum and file.checksum.value) == ("x.pdf", 12, "ab")


@pytest.mark.parametrize(
    ("status", "access"),
    [("open.access", "open"), ("embargo", "embargoed"), ("restricted", "restricted"), ("metadata.only", "metadata_only"), ("unknown", None)],
)  # fmt: skip
def test_dspaces_access_status_is_the_items_access(status: str, access: str | None) -> None:
    said = f'<element name="others"><element name="access-status"><field name="value">{status}</field></element></element>'
    assert read(said).entry.access == access


@pytest.mark.parametrize("kind", ["field", "element"])
def test_an_access_status_or_licence_without_fields_in_it_is_not_lost(kind: str) -> None:
    said = '<element name="others">' + "".join(
        f'<{kind} name="{name}">{value}</{kind}>'
        for name, value in (("access-status", "embargo"), ("cc", "CC BY 4.0"))
    )
    reading = read(f"{said}</element>")
    assert (reading.entry.access, reading.entry.rights[0].spdx) == ("embargoed", "CC-BY-4.0")
    assert reading.unread == {}


def test_text_beside_fields_is_counted() -> None:
    inner = '<element name="bundles">a<element name="bundle">b<field name="name">TEXT</field><field name="id">c</field><element name="bitstreams">d<field name="e">e</field></element></element></element>'
    others = '<element name="others">f<element name="cc">g<field name="name">CC0</field></element></element>'
    title = '<element name="dc">h<element name="title">i<element name="none">j<field name="value">T</field></element></element></element>'
    assert read(inner, others, title).unread == {
        "bundles": 1, "bundles.TEXT": 4, "others": 2, "dc": 1, "dc.title": 1, "dc.title.none": 1,
    }  # fmt: skip


@pytest.mark.measures_time
def test_depth_and_number_of_elements_cost_time_in_proportion() -> None:
    deep = '<element name="a">' * 200 + '<field name="value">x</field>' + "</element>" * 200
    fields = "".join(
        f'<field name="value">Name{at}, A.</field><field name="authority">virtual::{at}</field>'
        for at in range(50_000)
    )
    wide = f'<element name="dc"><element name="contributor"><element name="author"><element name="none">{fields}</element></element></element></element>'
    begun = time.perf_counter()
    reading = read(deep, wide)
    assert time.perf_counter() - begun < 20
    assert len(reading.entry.creators) == 50_000
    assert reading.unread == {"a.a.a.a": 1}


def test_every_field_of_a_real_record_is_read_or_counted_or_named_here(corpus: Path) -> None:
    quiet: Counter[str] = Counter()
    looked_at = 0
    for _, metadata in documents(corpus):
        if crosswalk_for(metadata).name != "xoai":
            continue
        document = copy.deepcopy(metadata)
        before = normalise(document)
        for field in document.iter("{*}field"):
            path = path_of(field, document)
            if not (field.text or "").strip() or XOAI_PASSED.match(path):
                continue
            looked_at += 1
            was, field.text = field.text, f"{field.text} zqx"
            if path.endswith(("/authority", "/confidence")):
                field.text = "0000-0002-1825-0097"
            after = normalise(document)
            if (after.entry, after.unread) == (before.entry, before.unread):
                field.text = None
                if normalise(document).unread == before.unread:
                    quiet[path] += 1
            field.text = was
    assert looked_at > 500
    # An authority says nothing where nothing else bears it, a confidence where there is no identifier beside it
    assert {path for path in quiet if not path.endswith(("/authority", "/confidence"))} == set()
