"""Pre-rendered ListRecords pages: oai_dc records of about 2.4 KB whose values are mostly distinct, so that no cache wins.

Words are invented from syllables, 30,000 of them, and drawn by a Zipf-like law, so that compression is neither flattered
(few words) nor starved (random letters): zlib makes 1,100 bytes of such a record, as it does of real ones.
"""

import itertools
import random
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

_RIGHTS = (
    "This work is licensed under a Creative Commons Attribution 4.0 International licence, which permits reuse.",
    "The depositors keep the copyright; the material may be used for research and teaching if the source is named.",
    "Open access. Reuse is allowed under the licence named, provided that authors and repository are credited.",
)


class Writer:
    """Invents the text of records, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        syllables = [a + b + c for a in "bcdfglmnprstv" for b in "aeiou" for c in ("", "", "n", "r", "s")]
        known: dict[str, None] = {}
        while len(known) < 30_000:
            known["".join(self.random.choices(syllables, k=self.random.choice((1, 2, 2, 3, 3, 4))))] = None
        self.vocabulary = sorted(
            known, key=lambda word: len(word) + self.random.random() * 4
        )  # short words are frequent
        self.phrases = [" ".join(self.random.choices(self.vocabulary[:3000], k=4)) for _ in range(600)]
        self.places = [f"{self.vocabulary[1000 + 7 * n].title()} University Repository" for n in range(40)]
        self.weights = list(
            itertools.accumulate(1 / (rank + 2) ** 1.05 for rank in range(len(self.vocabulary)))
        )

    def words(self, count: int) -> str:
        return " ".join(self.random.choices(self.vocabulary, cum_weights=self.weights, k=count))

    def abstract(self, topics: list[str]) -> str:
        """About 1.1 kB: as in real ones, the title's words come again, and set phrases do."""
        parts: list[str] = []
        length = 0
        words = iter(self.random.choices(self.vocabulary, cum_weights=self.weights, k=300))
        phrases = iter(
            self.random.choices(self.phrases, cum_weights=self.weights[: len(self.phrases)], k=100)
        )
        while length < 1100:
            kind = self.random.random()
            part = self.random.choice(topics) if kind < 0.2 else next(phrases if kind < 0.35 else words)
            parts.append(part)
            length += len(part) + 1
        return " ".join(parts).capitalize() + "."

    def record(self, number: int) -> str:
        """One <record>, about 2.4 KB."""
        chance = self.random
        year, month, day = chance.randint(1995, 2025), chance.randint(1, 12), chance.randint(1, 28)
        title = self.words(11)
        topics = [self.words(2) for _ in range(4)]
        own = title.split() + " ".join(topics).split()
        abstract = self.abstract(own)
        place = self.places[number % len(self.places)]
        elements = [("title", title.capitalize())]
        elements += [("creator", f"{self.words(1).title()}, {self.words(2).title()}") for _ in range(3)]
        elements += [("subject", topic) for topic in topics]
        elements += [
            ("description", abstract),
            ("publisher", place),
            ("date", f"{year}-{month:02}-{day:02}"),
            ("type", chance.choice(("Dataset", "Text", "Image", "Software"))),
            ("type", "info:eu-repo/semantics/publishedVersion"),
            ("format", chance.choice(("application/pdf", "text/csv", "application/zip"))),
            ("identifier", f"https://doi.org/10.5072/repository.{number}"),
            ("identifier", f"https://repository.example.org/records/{number}"),
            ("relation", f"https://repository.example.org/communities/{place.split()[0].lower()}"),
            ("language", chance.choice(("eng", "deu", "fra", "spa"))),
            ("rights", "info:eu-repo/semantics/openAccess"),
            ("rights", chance.choice(_RIGHTS)),
            ("rights", "https://creativecommons.org/licenses/by/4.0/legalcode"),
        ]
        body = "".join(f"<dc:{name}>{text}</dc:{name}>" for name, text in elements)
        sets = "".join(
            f"<setSpec>{name}</setSpec>" for name in (f"portal_{number % 40}", f"category_{number % 97}")
        )
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
    _HEAD.replace("<ListRecords>", "").replace(
        'verb="ListRecords" metadataPrefix="oai_dc"', 'verb="Identify"'
    )
    + "<Identify><repositoryName>Bench</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>"
    "<protocolVersion>2.0</protocolVersion><adminEmail>bench@example.org</adminEmail>"
    "<earliestDatestamp>1995-01-01T00:00:00Z</earliestDatestamp><deletedRecord>persistent</deletedRecord>"
    "<granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify></OAI-PMH>"
).encode()
