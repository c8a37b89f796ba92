"""The same kind of invented records as pages.py has, in DataCite 4 (about 4 KB a record) and qualified Dublin Core."""

from collections.abc import Iterator

from pages import PAGE_SIZE, Writer, pages

_OAI = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><responseDate>2026-01-01T00:00:00Z</responseDate>'
    '<request verb="ListRecords">http://127.0.0.1/oai</request><ListRecords>'
)
_DATACITE = (
    '<oai_datacite xmlns="http://schema.datacite.org/oai/oai-1.1/"><schemaVersion>4.5</schemaVersion>'
    "<datacentreSymbol>BENCH.REPO</datacentreSymbol><payload>"
    '<resource xmlns="http://datacite.org/schema/kernel-4" xsi:schemaLocation="http://datacite.org/schema/kernel-4 '
    'https://schema.datacite.org/meta/kernel-4.5/metadata.xsd">'
)
_QDC = (
    '<qdc:qualifieddc xmlns:qdc="http://dspace.org/qualifieddc/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" xsi:schemaLocation="http://dspace.org/qualifieddc/ '
    'http://www.ukoln.ac.uk/metadata/dcmi/xmlschema/qualifieddc.xsd">'
)


def _orcid(number: int) -> str:
    """A valid ORCID iD (ISO 7064 mod 11-2)."""
    bare = f"{number % 10**15:015}"
    total = 0
    for digit in bare:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    whole = bare + ("X" if rest == 10 else str(rest))
    return "-".join(whole[at : at + 4] for at in range(0, 16, 4))


def datacite(writer: Writer, number: int) -> str:
    """One oai_datacite element."""
    chance, words = writer.random, writer.words
    year, month, day = chance.randint(1995, 2025), chance.randint(1, 12), chance.randint(1, 28)
    topics = [words(2) for _ in range(4)]
    title = words(11)
    creators = "".join(
        f'<creator><creatorName nameType="Personal">{family}, {given}</creatorName><givenName>{given}</givenName>'
        f"<familyName>{family}</familyName>"
        f'<nameIdentifier nameIdentifierScheme="ORCID" schemeURI="https://orcid.org">{_orcid(number * 7919 + at)}</nameIdentifier>'
        f"<affiliation>{words(3).title()}</affiliation></creator>"
        for at, (family, given) in enumerate((words(1).title(), words(2).title()) for _ in range(3))
    )
    subjects = "".join(f"<subject>{topic}</subject>" for topic in topics)
    related = "".join(
        f'<relatedIdentifier relatedIdentifierType="DOI" relationType="{kind}">10.5072/related.{number}.{at}</relatedIdentifier>'
        for at, kind in enumerate(("IsSupplementTo", "References", "IsVersionOf"))
    )
    return (
        f'{_DATACITE}<identifier identifierType="DOI">10.5072/repository.{number}</identifier><creators>{creators}</creators>'
        f'<titles><title xml:lang="en">{title.capitalize()}</title></titles>'
        f"<publisher>{writer.places[number % len(writer.places)]}</publisher><publicationYear>{year}</publicationYear>"
        f'<resourceType resourceTypeGeneral="{chance.choice(("Dataset", "Text", "Software", "Image"))}">{words(1)}</resourceType>'
        f'<subjects>{subjects}</subjects><contributors><contributor contributorType="DataCurator"><contributorName>'
        f"{words(1).title()}, {words(1).title()}</contributorName></contributor></contributors>"
        f'<dates><date dateType="Issued">{year}-{month:02}-{day:02}</date><date dateType="Created">{year}-{month:02}</date></dates>'
        f"<language>{chance.choice(('en', 'de', 'fr', 'es'))}</language><alternateIdentifiers><alternateIdentifier "
        f'alternateIdentifierType="url">https://repository.example.org/records/{number}</alternateIdentifier></alternateIdentifiers>'
        f"<relatedIdentifiers>{related}</relatedIdentifiers><sizes><size>{number % 977} kB</size></sizes>"
        f"<formats><format>text/csv</format></formats><version>{number % 9 + 1}</version><rightsList>"
        '<rights rightsURI="https://creativecommons.org/licenses/by/4.0/legalcode" rightsIdentifier="CC-BY-4.0" '
        'rightsIdentifierScheme="SPDX">Creative Commons Attribution 4.0 International</rights></rightsList>'
        f'<descriptions><description descriptionType="Abstract">{writer.abstract(title.split())}</description></descriptions>'
        f"<fundingReferences><fundingReference><funderName>{words(3).title()}</funderName>"
        f"<awardNumber>{number * 31 % 99991}</awardNumber></fundingReference></fundingReferences>"
        "</resource></payload></oai_datacite>"
    )


def qdc(writer: Writer, number: int) -> str:
    """One qualifieddc element, as DSpace writes it."""
    chance, words = writer.random, writer.words
    year, month, day = chance.randint(1995, 2025), chance.randint(1, 12), chance.randint(1, 28)
    title = words(11)
    elements = [("dc:title", title.capitalize())]
    elements += [("dc:creator", f"{words(1).title()}, {words(2).title()}") for _ in range(3)]
    elements += [("dc:subject", words(2)) for _ in range(4)]
    elements += [
        ("dcterms:abstract", writer.abstract(title.split())),
        ("dcterms:dateAccepted", f"{year}-{month:02}-{day:02}T10:00:00Z"),
        ("dcterms:available", f"{year}-{month:02}-{day:02}T10:00:00Z"),
        ("dcterms:created", f"{year}-{month:02}-{day:02}T10:00:00Z"),
        ("dcterms:issued", f"{year}-{month:02}"),
        ("dc:type", chance.choice(("Article", "Thesis", "Dataset", "Book chapter"))),
        ("dc:identifier", f"https://doi.org/10.5072/repository.{number}"),
        ("dc:identifier", f"http://hdl.handle.net/10900/{number}"),
        ("dc:language", chance.choice(("en", "de", "fr", "es"))),
        ("dcterms:isPartOf", f"https://repository.example.org/communities/{number % 40}"),
        ("dc:rights", "https://creativecommons.org/licenses/by/4.0/legalcode"),
        ("dc:publisher", writer.places[number % len(writer.places)]),
    ]
    return f"{_QDC}{''.join(f'<{name}>{text}</{name}>' for name, text in elements)}</qdc:qualifieddc>"


def bodies(name: str, records: int) -> list[bytes]:
    """ListRecords answers of one format: oai_dc, oai_datacite or qdc."""
    return list(pages(records)) if name == "oai_dc" else list(_pages(name, records))


def _pages(name: str, records: int) -> Iterator[bytes]:
    writer, write = Writer(11), {"oai_datacite": datacite, "qdc": qdc}[name]
    for start in range(0, records, PAGE_SIZE):
        held = "".join(
            f"<record><header><identifier>oai:repository.example.org:{number}</identifier>"
            f"<datestamp>2020-01-01T12:{number % 60:02}:00Z</datestamp><setSpec>portal_{number % 40}</setSpec></header>"
            f"<metadata>{write(writer, number)}</metadata></record>"
            for number in range(start, min(start + PAGE_SIZE, records))
        )
        yield f"{_OAI}{held}<resumptionToken>x</resumptionToken></ListRecords></OAI-PMH>".encode()
