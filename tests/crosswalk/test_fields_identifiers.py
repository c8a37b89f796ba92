"""Identifiers get their scheme and one canonical form; what only looks like one stays text."""

import pytest

from harvester.crosswalk.fields import check_digits, identifiers, relations
from harvester.entry import Funding, Relation


@pytest.mark.parametrize(
    ("text", "value", "scheme"),
    [
        ("10.1371/journal.pone.0008619", "10.1371/journal.pone.0008619", "doi"),
        ("doi:10.5555/ABC", "10.5555/abc", "doi"),
        ("DOI 10.5555/ABC", "10.5555/abc", "doi"),
        ("https://doi.org/10.5555/ABC.", "10.5555/abc", "doi"),
        ("http://dx.doi.org/10.5555%2Fabc", "10.5555/abc", "doi"),
        ("doi:https://doi.org/10.5555/x", "10.5555/x", "doi"),
        ("info:doi/10.5555/x", "10.5555/x", "doi"),
        ("10.1016/S0140-6736(05)67890-1", "10.1016/s0140-6736(05)67890-1", "doi"),
        ("10.5555/x)", "10.5555/x", "doi"),
        (
            "10.1002/(SICI)1099-0844(199912)17:4<290::AID-CBF849>3.0.CO;2-P",
            "10.1002/(sici)1099-0844(199912)17:4<290::aid-cbf849>3.0.co;2-p",
            "doi",
        ),
        ("http://hdl.handle.net/1765/1154", "1765/1154", "handle"),
        ("hdl:1912/4843", "1912/4843", "handle"),
        ("https://hdl.handle.net/10.5555/x", "10.5555/x", "doi"),
        ("http://hdl.handle.net/123456789/12", "http://hdl.handle.net/123456789/12", "url"),
        ("arXiv:0704.0001v2", "0704.0001v2", "arxiv"),
        ("http://arxiv.org/abs/hep-th/9901001", "hep-th/9901001", "arxiv"),
        ("1501.00001", "1501.00001", "arxiv"),
        ("urn:urn:nbn:de:0183-ip2", "urn:nbn:de:0183-ip2", "urn"),
        ("https://nbn-resolving.org/urn:nbn:de:0183-ip2", "urn:nbn:de:0183-ip2", "urn"),
        ("urn:ISBN:978-0-306-40615-7", "9780306406157", "isbn"),
        ("ISBN: 0-306-40615-2", "9780306406157", "isbn"),
        ("9781Â­4799Â­8626Â­2".replace("Â", ""), "9781479986262", "isbn"),
        ("1932-6203", "1932-6203", "issn"),
        ("ISSN: 0022-5193", "0022-5193", "issn"),
        ("pmid:1234567", "1234567", "pmid"),
        ("PMID: PMC1234567", "PMC1234567", "pmcid"),
        ("https://pubmed.ncbi.nlm.nih.gov/1234567/", "1234567", "pmid"),
        ("ark:/13030/kt0", "ark:/13030/kt0", "ark"),
        ("http://ark.example.org/ark:/13030/kt0", "ark:/13030/kt0", "ark"),
        ("swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2", "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2", "swhid"),
        ("oai:example.org:1", "oai:example.org:1", "oai"),
        ("2010PhRvD..82l4028K", "2010PhRvD..82l4028K", "ads"),
        ("info:eu-repo/semantics/altIdentifier/doi/10.5555/x", "10.5555/x", "doi"),
        ("URL: https://example.org/1", "https://example.org/1", "url"),
        ("HTTPS://Example.org/1", "HTTPS://Example.org/1", "url"),
    ],
)  # fmt: skip
def test_an_identifier_is_recognised(text: str, value: str, scheme: str) -> None:
    assert identifiers.identify(text) == (value, scheme)


@pytest.mark.parametrize(
    "text",
    [
        "1912/4843", "1234567", "1234567890", "Box 82, item 145", "Smith (2010) On doubt. doi:10.5555/x", "10.5555",
        "1932-6204", "ISBN: 0-306-40615-3", "http://example.org/a b.pdf", "http://", "branin.1", "", ".", "10.5555/",
        "P12345", "doi:", "arXiv:1", "x" * 5000, "urn:", "info:", "info:info/info/",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_identifier_stays_text(text: str) -> None:
    assert identifiers.identify(text) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://a.org/1http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://a.org/1;http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://a.org/1 http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://web.example.org/2010/http://b.org/2", ["http://web.example.org/2010/http://b.org/2"]),
        ("http://a.org/?u=http://b.org/2", ["http://a.org/?u=http://b.org/2"]),
        ("see http://a.org/1", ["see http://a.org/1"]),
    ],
)
def test_glued_urls_come_apart(text: str, parts: list[str]) -> None:
    assert identifiers.pieces(text) == parts


def test_check_digits_tell_an_identifier_from_a_slip() -> None:
    assert check_digits.orcid("0000000218250097") == "0000-0002-1825-0097"
    assert check_digits.orcid("0000-0002-1694-233x") == "0000-0002-1694-233X"
    assert check_digits.orcid("0000-0002-1825-0098") is None
    assert check_digits.issn("2049-3630") == "2049-3630"
    assert check_digits.issn("2434-561x") == "2434-561X"
    assert check_digits.issn("2049-3631") is None
    assert check_digits.isbn13("0-8044-2957-X") == "9780804429573"
    assert check_digits.isbn13("9780306406158") is None
    assert check_digits.ror("05dxps055") == "05dxps055"
    assert check_digits.ror("05dxps056") is None


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("10.5555/x", Relation("Other", "10.5555/x", "doi")),
        ("see the other box", Relation("Other", "see the other box", "other")),
        ("IsPartOf: 10.5555/x", Relation("IsPartOf", "10.5555/x", "doi")),
        (
            "is supplement to:https://example.org/1",
            Relation("IsSupplementTo", "https://example.org/1", "url"),
        ),
        ("replaces: 10.5555/x", Relation("Obsoletes", "10.5555/x", "doi")),
        (
            "info:eu-repo/semantics/dataset/doi/10.5555/x",
            Relation("References", "10.5555/x", "doi", "Dataset"),
        ),
        ("info:eu-repo/semantics/reference/doi/10.5555/x", Relation("References", "10.5555/x", "doi")),
        ("Title: a story", Relation("Other", "Title: a story", "other")),
    ],
)
def test_a_relation_keeps_its_target_whatever_it_is(text: str, relation: Relation) -> None:
    assert relations.read(text) == relation


def test_a_grant_is_taken_from_its_uri() -> None:
    uri = "info:eu-repo/grantAgreement/EC/FP7/246686/EU/Open%20Ears/EARS"
    assert relations.grant(uri) == Funding("EC", None, "246686", "Open Ears EARS", uri)
    short = "info:eu-repo/grantAgreement/EC/H2020/1"
    assert relations.grant(short) == Funding("EC", None, "1", None, short)
    assert relations.grant("info:eu-repo/grantAgreement/EC") is None


@pytest.mark.parametrize(
    ("url", "article"),
    [
        ("https://figshare.com/articles/Some_title/145088", ("145088", None)),
        ("https://figshare.com/articles/dataset/Some_title/145088/2", ("145088", "2")),
        ("https://monash.figshare.com/articles/thesis/T/9", ("9", None)),
        ("https://figshare.com/articles/145088?x=1", ("145088", None)),
        ("https://figshare.com/authors/A/1", None),
        ("https://notfigshare.example.org/articles/x/1", None),
    ],
)
def test_figshares_landing_page_is_known_by_its_path(
    url: str, article: tuple[str, str | None] | None
) -> None:
    assert relations.figshare_article(url) == article
