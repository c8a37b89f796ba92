"""Which metadata formats there are, whether their records can be read, and whether one record can be had by itself."""

from itertools import islice

from lxml.etree import _Element as Element

from harvester.errors import RepositoryError
from harvester.oai.description import Format
from harvester.oai.page import local_name, raise_errors
from harvester.oai.parsing import OAI
from harvester.oai.probe_inquiry import Inquiry, Sample, Unclear, page_of
from harvester.oai.probe_lists import size_of
from harvester.oai.repository import Answer

MOST_SAMPLES = 6
_MOST = 100
_LONGEST = 512  # characters of a prefix, namespace or schema


def listed(inquiry: Inquiry) -> None:
    """Read ListMetadataFormats; oai_dc, which every repository must have, goes first."""

    def read(answer: Answer) -> list[Format]:
        raise_errors(answer.root)
        container = answer.root.find(f"{OAI}ListMetadataFormats")
        if container is None:
            raise Unclear("the answer to ListMetadataFormats lists no formats")
        return [_format(each) for each in islice(container, _MOST) if local_name(each) == "metadataFormat"]

    found = [each for each in inquiry.ask(read, {"verb": "ListMetadataFormats"}) if each.prefix]
    inquiry.formats = sorted(dict.fromkeys(found), key=lambda each: each.prefix != "oai_dc")
    if not any(each.prefix == "oai_dc" for each in found):
        inquiry.remark("it does not offer oai_dc, which every repository must have: choose with --format")


def _format(element: Element) -> Format:
    def text(name: str) -> str:
        return (element.findtext(f"{OAI}{name}") or "").strip()[:_LONGEST]

    return Format(text("metadataPrefix"), text("metadataNamespace"), text("schema"))


def sampled(inquiry: Inquiry) -> None:
    """The first page of each format, by ListRecords, which is what a harvest asks for."""
    formats = inquiry.formats or [Format("oai_dc")]
    for each in formats[:MOST_SAMPLES]:
        inquiry.samples.append(_sample(inquiry, each))
    came = [each for each in inquiry.samples if each.failure is None and each.records]
    if not came:
        raise Unclear(inquiry.ended or "no page of records could be had")
    full = [each for each in came if each.full]
    if full:
        # The smallest: a list that ends on its first page is believed where it is shorter than a full page.
        size = min(each.records for each in full)
        names = ", ".join(f"{each.format.prefix} {each.records:,}" for each in full)
        inquiry.observe("page_size", size, f"records on a page that others follow: {names}")
        _look_at_sizes(inquiry, full)
    seconds = sum(each.seconds for each in came) / len(came)
    inquiry.observe("seconds_per_page", round(seconds, 3), f"the mean of {len(came)} ListRecords requests")


def _look_at_sizes(inquiry: Inquiry, full: list[Sample]) -> None:
    """What the walk by ListIdentifiers has shown need not hold for ListRecords, which is what a harvest asks for."""
    told = sum(each.size is not None for each in full)
    by_headers = inquiry.value("sends_size")
    inquiry.observe(
        "sends_size", told > 0, f"completeListSize on {told} of {len(full)} first pages of ListRecords"
    )
    if not told and inquiry.walk is not None and inquiry.walk.verb == "ListIdentifiers":
        inquiry.observe("headers_sized", bool(by_headers), "ListRecords does not tell its size")


def _sample(inquiry: Inquiry, format_: Format) -> Sample:
    def read(answer: Answer) -> Sample:
        return _look(inquiry, format_, answer)

    arguments = {"verb": "ListRecords", "metadataPrefix": format_.prefix}
    if inquiry.value("needs_from") and inquiry.walk is not None:
        arguments["from"] = inquiry.walk.arguments["from"]
    try:
        return inquiry.ask(read, arguments)
    except (RepositoryError, Unclear) as error:
        return Sample(format_, failure=str(error))


def _look(inquiry: Inquiry, format_: Format, answer: Answer) -> Sample:
    page = page_of(answer, "ListRecords")
    live = [each.metadata for each in page.records if each.metadata is not None]
    readers = [inquiry.reader(each) for each in live]
    return Sample(
        format_,
        records=len(page.records) + len(page.broken),
        live=len(live),
        read=sum(each is not None for each in readers),
        broken=len(page.broken),
        repaired=0 if answer.repaired is None else sum(answer.repaired.changes.values()),
        readers=tuple(dict.fromkeys(each for each in readers if each is not None)),
        roots=tuple(dict.fromkeys(str(each.tag) for each in live)),
        full=page.token is not None,
        bytes=len(answer.response.body),
        seconds=answer.response.seconds,
        size=size_of(page),
    )


def one_record(inquiry: Inquiry) -> None:
    """GetRecord of one that was listed, and not as deleted."""
    found = inquiry.walked()
    live = [each for each in found.headers if not each.deleted]
    if not live:
        raise Unclear("every record that was listed is deleted")
    wanted = live[len(live) // 2].identifier
    arguments = {"identifier": wanted, "metadataPrefix": found.arguments["metadataPrefix"]}
    try:
        page = inquiry.page("GetRecord", arguments)
    except RepositoryError as error:
        if inquiry.ended or (error.evidence and error.evidence.status is None):
            raise
        inquiry.observe("get_record", False, f"{wanted}, which it lists: {error}")
        inquiry.remark(f"GetRecord fails for {wanted}, which it lists: {error}")
        return
    came = [each.header.identifier for each in page.records]
    inquiry.observe("get_record", wanted in came, f"asked for {wanted}: {len(came):,} came")
    if came != [wanted]:
        inquiry.remark(f"GetRecord of one record brought {len(came):,}, or another one")
