"""Pre-rendered ListRecords pages: oai_dc records of about 2.4 KB whose values are mostly distinct, so that no cache wins.

Word lengths and frequencies follow a Zipf-like law over 30,000 invented words, so that compression is neither flattered
(few words) nor starved (random letters).
"""

import random
import string
from collections.abc import Iterator

PAGE_SIZE = 100
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ '
    'http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"><responseDate>2026-01-01T00:00:00Z</responseDate>'
    '<request verb="ListRecords" metadataPrefix="oai_dc">http://127.0.0.1/oai</request><ListRecords>'
)
_DC = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd">'
)


class Writer:
    """Invents the text of records, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        letters = string.ascii_lowercase + "aeioutnsr"
        self.vocabulary = ["".join(self.random.choices(letters, k=self.random.randint(2, 11))) for _ in range(30_000)]
        total, self.weights = 0.0, []
        for rank in range(1, len(self.vocabulary) + 1):
            total += 1 / rank**0.9
            self.weights.append(total)

    def words(self, count: int) -> str:
        return " ".join(self.random.choices(self.vocabulary, cum_weights=self.weights, k=count))

    def record(self, number: int) -> str:
        """One <record>, about 2.4 KB."""
        chance = self.random
        year, month, day = chance.randint(1995, 2025), chance.randint(1, 12), chance.randint(1, 28)
        elements = [("title", self.words(11).capitalize())]
        elements += [("creator", f"{self.words(1).title()}, {self.words(2).title()}") for _ in range(3)]
        elements += [("subject", self.words(2)) for _ in range(4)]
        elements += [
            ("description", self.words(175).capitalize() + "."),
            ("publisher", self.words(3).title()),
            ("date", f"{year}-{month:02}-{day:02}"),
            ("type", chance.choice(("Dataset", "Text", "Image", "Software"))),
            ("format", chance.choice(("application/pdf", "text/csv", "application/zip"))),
            ("identifier", f"https://doi.org/10.5072/zenodo.{number}"),
            ("identifier", f"https://repository.example.org/records/{number}"),
            ("language", chance.choice(("eng", "deu", "fra", "spa"))),
            ("rights", "https://creativecommons.org/licenses/by/4.0/legalcode"),
        ]
        body = "".join(f"<dc:{name}>{text}</dc:{name}>" for name, text in elements)
        sets = "".join(f"<setSpec>{name}</setSpec>" for name in (f"portal_{number % 40}", f"category_{number % 97}"))
        return (
            f"<record><header><identifier>oai:repository.example.org:{number}</identifier>"
            f"<datestamp>{year}-{month:02}-{day:02}T12:{number % 60:02}:{number // 60 % 60:02}Z</datestamp>{sets}</header>"
            f"<metadata>{_DC}{body}</oai_dc:dc></metadata></record>"
        )


def pages(records: int, *, seed: int = 7, page_size: int = PAGE_SIZE) -> Iterator[bytes]:
    """ListRecords answers of `page_size` records; the token of page n is "n+1"."""
    writer = Writer(seed)
    for start in range(0, records, page_size):
        stop = min(start + page_size, records)
        body = "".join(writer.record(number) for number in range(start, stop))
        following = str(stop // page_size) if stop < records else ""
        token = (
            f'<resumptionToken completeListSize="{records}" cursor="{start}" '
            f'expirationDate="2026-01-01T01:00:00Z">{following}</resumptionToken>'
        )
        yield f"{_HEAD}{body}{token}</ListRecords></OAI-PMH>".encode()


IDENTIFY = (
    _HEAD.replace("<ListRecords>", "").replace('verb="ListRecords" metadataPrefix="oai_dc"', 'verb="Identify"')
    + "<Identify><repositoryName>Bench</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>"
    "<protocolVersion>2.0</protocolVersion><adminEmail>bench@example.org</adminEmail>"
    "<earliestDatestamp>1995-01-01T00:00:00Z</earliestDatestamp><deletedRecord>persistent</deletedRecord>"
    "<granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify></OAI-PMH>"
).encode()
