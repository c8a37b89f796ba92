"""What would hurt users of DSpace's xoai: files that are not the item's, another record's title, a value in the wrong field."""

import copy
import time
from collections import Counter
from pathlib import Path

import pytest
from corpus_documents import documents
from lxml import etree

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats.xoai_files import DERIVED
from harvester.crosswalk.registry import crosswalk_for

XOAI = "http://www.lyncode.com/xoai"
ORCID = "0000-0002-1825-0097"
# What is passed over on purpose, by its path: the repository, the record, and files that were made of the item's.
PASSED = (
    "repository/",
    "license/",
    "others/identifier",
    "others/lastModifyDate",
    "others/owningCollection",
    "bundles/bundle/bitstreams/bitstream/originalName",
    "bundles/bundle/bitstreams/bitstream/sid",
    "bundles/bundle/bitstreams/bitstream/primary",
)


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


def path_of(field: etree._Element) -> tuple[str, str]:
    """(path by names, the bundle it is in): every element of xoai is called "element"."""
    names, within = [field.get("name", "")], ""
    for above in field.iterancestors():
        name = above.get("name")
        if name == "bundle":
            within = next((child.text or "" for child in above if child.get("name") == "name"), "")
        if name:
            names.append(name)
    return "/".join(names[::-1]), within


def test_every_field_of_a_real_record_is_read_or_counted_or_named_here(corpus: Path) -> None:
    quiet: Counter[str] = Counter()
    looked_at = 0
    for _, metadata in documents(corpus):
        if crosswalk_for(metadata).name != "xoai":
            continue
        document = copy.deepcopy(metadata)
        before = normalise(document)
        for field in document.iter("{*}field"):
            path, within = path_of(field)
            if not (field.text or "").strip() or within in DERIVED or path.startswith(PASSED):
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
