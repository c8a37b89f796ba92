"""Made-up articles: the same values for the same seed, for ever, whichever metadata format they are written in.

The text carries what real records carry (accents, other scripts, `&`, `<`, escaped markup), so that a reader
which mishandles one of them loses a comparison.
"""

import random
from dataclasses import dataclass

METHODS = (
    "Isotope analysis", "Long-term monitoring", "Deep sequencing", "A field survey", "Finite element simulation",
    "Oral history", "Remote sensing", "Randomised trials", "X-ray tomography", "A corpus study",
)  # fmt: skip
TOPICS = (
    "alpine lake sediments", "α-proteobacterium outer membranes", "urban heat & air quality", "medieval charters",
    "low-dose exposure (p < 0.05)", "<em>Caulobacter crescentus</em>", "perovskite thin films", "second-language writing",
    "coral bleaching", "H<sub>2</sub>O clusters", "glacier mass balance", "informal settlements",
)  # fmt: skip
PLACES = (
    "Zürich", "the Río de la Plata", "Tromsø", "Hokkaidō", "the Great Barrier Reef", "Kraków", "Addis Ababa",
    "Aotearoa New Zealand", "São Paulo", "the Vosges", "Lagos", "Québec",
)  # fmt: skip
FAMILIES = (
    "Okafor", "Müller", "García Márquez", "Nguyễn", "O’Brien", "Sørensen", "Dvořák", "Kowalczyk", "Tanaka", "de la Cruz",
    "Çelik", "Ivanova", "MacDonald", "Haddad", "Ferreira", "Lindqvist",
)  # fmt: skip
GIVENS = (
    "Ada", "Bożena", "Chidi", "Dagmar", "Émilie", "Fumiko", "Gonçalo", "Hanae", "Ines", "Jürgen", "Katarzyna", "Liam",
)  # fmt: skip
SUBJECTS = (
    "Biochemistry", "Cell Biology", "Ecology", "Geochemistry", "Computational Linguistics", "Condensed Matter Physics",
    "Public Health", "History of Science", "Urban Studies", "Hydrology", "Statistics", "Machine Learning", "海洋学",
    "Materials Engineering", "Education", "Anthropology",
)  # fmt: skip
TYPES = (
    "Dataset",
    "Figure",
    "Journal contribution",
    "Thesis",
    "Software",
    "Poster",
    "Presentation",
    "Media",
    "Preprint",
)
RIGHTS = (
    "CC BY 4.0",
    "CC0",
    "CC BY-NC 4.0",
    "MIT",
    "https://creativecommons.org/licenses/by/4.0/",
    "In Copyright",
)
SENTENCES = (
    "We present {method} of {topic} carried out near {place} between {year} and the following spring.",
    "Samples were taken at {count} stations, dried at 60 °C and kept at −20 °C until they were measured twice.",
    "The files hold the raw readings, the scripts that clean them, and a description of every column and its unit.",
    "Contrary to earlier work in {place}, no trend was found once the instrument's drift had been taken into account.",
    "Values below the limit of detection (< {count} µg/L) are given as empty cells; they should not be read as zero.",
    "Funding came from the regional council & the participants' institutions, who had no part in the interpretation.",
    "A companion paper discusses {topic} at length; this record describes only the material that it is built on.",
    "Uncertainty was estimated by resampling {count} times, and is reported as the interval between both quartiles.",
    "Interviews were held in the language of the person interviewed and translated by two people independently.",
    "The model reproduces the observations of {year} to within a few per cent, apart from the two driest months.",
    "Coordinates have been rounded to one kilometre, so that nesting sites cannot be found from this table.",
    "An earlier version contained an error in the column “depth”; it has been corrected and the version number raised.",
)


@dataclass(frozen=True, slots=True)
class Article:
    """What is said of one item. `creators` are (family name, given name), `issued` is YYYY-MM-DD."""

    seed: int
    number: int
    version: int
    title: str
    creators: tuple[tuple[str, str], ...]
    subjects: tuple[str, ...]
    abstract: str
    place: str
    issued: str
    kind: str
    rights: str
    media_type: str = "text/csv"
    language: str = "en"

    @property
    def publisher(self) -> str:
        return f"University of {self.place}"

    @property
    def doi(self) -> str:
        """Of this version. 10.5555 is the prefix that Crossref keeps for tests."""
        return f"{self.concept_doi}.v{self.version}"

    @property
    def concept_doi(self) -> str:
        """Of all versions together."""
        return f"10.5555/mock.{self.seed}.{self.number}"

    @property
    def page(self) -> str:
        return f"https://repository.example.org/articles/{self.number}"


def invent(seed: int, ordinal: int, revision: int) -> Article:
    """The article of one record. Another order of the draws below would be other records: they stay as they are."""
    chance = random.Random((seed << 64) | (ordinal << 24) | revision)
    topic, place, method = chance.choice(TOPICS), chance.choice(PLACES), chance.choice(METHODS)
    words: dict[str, object] = {"method": method.lower(), "topic": topic, "place": place}
    words |= {"year": chance.randint(1998, 2023), "count": chance.randint(12, 9_000)}
    edition = f", version {revision + 1}" if revision else ""
    abstract = " ".join(chance.sample(SENTENCES, 11)).format_map(words)
    creators = [(chance.choice(FAMILIES), chance.choice(GIVENS)) for _ in range(chance.randint(1, 5))]
    subjects = chance.sample(SUBJECTS, chance.randint(2, 5))
    issued = f"{words['year']}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return Article(
        seed=seed,
        number=ordinal + 1,
        version=revision + 1,
        title=f"{method} of {topic} in {place}: series {ordinal + 1}{edition}",
        creators=tuple(creators),
        subjects=tuple(subjects),
        abstract=abstract,
        place=place,
        issued=issued,
        kind=TYPES[ordinal % len(TYPES)],
        rights=chance.choice(RIGHTS),
    )
