"""Languages become BCP 47 tags; what is no language is told, and nothing is ever taken for English."""

import pytest

from harvester.crosswalk.fields import languages
from harvester.entry import Problem


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        # ISO 639-2/B and /T, 639-1, 639-3
        ("ger", ("de",)), ("deu", ("de",)), ("GER", ("de",)), ("de", ("de",)), ("fre", ("fr",)), ("fra", ("fr",)), ("chi", ("zh",)),
        ("cze", ("cs",)), ("gre", ("el",)), ("ice", ("is",)), ("may", ("ms",)), ("per", ("fa",)), ("rum", ("ro",)), ("wel", ("cy",)),
        ("yap", ("yap",)), ("cmn", ("cmn",)), ("na", ("na",)), ("nau", ("na",)),
        # Names, in any language
        ("English", ("en",)), ("german", ("de",)), ("Deutsch", ("de",)), ("français", ("fr",)), ("日本語", ("ja",)), ("中文", ("zh",)),
        ("Русский", ("ru",)), ("Bahasa Indonesia", ("id",)), ("Scots Gaelic", ("gd",)), ("Norwegian Bokmål", ("nb",)),
        ("Old English", ("ang",)), ("English language", ("en",)), ("Brazilian Portuguese", ("pt-BR",)), ("English.", ("en",)),
        # As ISO 639-2 writes them
        ("Greek, Ancient (to 1453)", ("grc",)), ("Greek, Modern (1453-)", ("el",)), ("German, Middle High (ca. 1050-1500)", ("gmh",)),
        ("English, Old (ca. 450-1100)", ("ang",)), ("Catalan; Valencian", ("ca",)), ("Spanish; Castilian", ("es",)),
        ("Spanish, Castilian", ("es",)), ("Occitan (post 1500)", ("oc",)),
        # Regions and scripts
        ("en_US", ("en-US",)), ("en-US", ("en-US",)), ("pt-br", ("pt-BR",)), ("sr-latn", ("sr-Latn",)), ("zh_TW", ("zh-TW",)),
        ("English (United States)", ("en-US",)), ("Chinese (Traditional)", ("zh-Hant",)), ("de-1996", ("de-1996",)),
        # Several in one element
        ("eng; fre", ("en", "fr")), ("eng;fre", ("en", "fr")), ("eng, fre", ("en", "fr")), ("eng/fre", ("en", "fr")), ("eng|fre", ("en", "fr")),
        ("en fr", ("en", "fr")), ("eng-fre", ("en", "fr")), ("English, French", ("en", "fr")), ("English and French", ("en", "fr")),
        ("Deutsch und Englisch", ("de", "en")), ("english;eng", ("en",)), ("English;", ("en",)),
        # What says that there is none, or no name for it
        ("und", ("und",)), ("zxx", ("zxx",)), ("mul", ("mul",)), ("mis", ("mis",)), ("UND", ("und",)), ("Multiple", ("mul",)),
        # URIs
        ("http://id.loc.gov/vocabulary/iso639-2/eng", ("en",)), ("http://lexvo.org/id/iso639-3/deu", ("de",)),
        ("http://publications.europa.eu/resource/authority/language/FRA", ("fr",)),
    ],
)  # fmt: skip
def test_a_language_becomes_its_tag(text: str, tags: tuple[str, ...]) -> None:
    notes: list[Problem] = []
    assert (languages.read(text, notes), notes) == (tags, [])


@pytest.mark.parametrize(
    "text",
    [
        "xx", "other", "Other", "*", "none", "N/A", "NA", "unknown", "the usual one", "kkkk", "Finish", "e", "-", "https://example.org/eng",
        # A language's name with words that are no part of it is no language's name
        "English zqx", "français zqx", "Chinese zqx", "English text", "In English", "patois de Valbonnais", "Frenchman", "zqx",
        "Published in de facto English, or so", "e" * 5000, "eng;" * 2000,
    ],
)  # fmt: skip
def test_junk_is_no_language_and_never_english(text: str) -> None:
    notes: list[Problem] = []
    assert languages.read(text, notes) == ()
    assert [(note.field, note.code) for note in notes] == [("languages", "language_unknown")]


def test_of_two_languages_the_one_that_is_not_known_is_told() -> None:
    notes: list[Problem] = []
    assert languages.read("eng; zqxx", notes) == ("en",)
    assert notes == [Problem("languages", "language_unknown", "zqxx")]


@pytest.mark.parametrize(
    "text", ["ger", "en_US", "sh", "iw", "Greek, Ancient (to 1453)", "zh-min-nan", "nau", "Tagalog"]
)
def test_a_tag_read_again_is_the_same_tag(text: str) -> None:
    tag = languages.tag(text)
    assert tag is not None
    assert languages.tag(tag) == tag
