"""Real records, and what a person found in them by reading the XML: every field that the format can fill.

The expectations are in `fidelity/<format>.json`: a list of {"file": path in the corpus, "record": number of the metadata
element in that file, from 0, "crosswalk", "entry": the compact form}. Texts of more than 60 characters are stated as their
beginning, length and hash, so that no record's text is repeated here.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from corpus_documents import of_file

from harvester.crosswalk import normalise

FOLDER = Path(__file__).parent / "fidelity"
LONGEST = 60

EXPECTED = [
    pytest.param(case, id=f"{path.stem}-{Path(case['file']).stem}-{case['record']}")
    for path in sorted(FOLDER.glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))
]


def shortened(value: Any) -> Any:
    """The same JSON value, its long texts as "beginning… (length, hash)"."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:20]}… ({len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()[:12]})"
    return value


@pytest.mark.parametrize("case", EXPECTED)
def test_a_real_record_becomes_what_a_person_reads_in_it(case: dict[str, Any], corpus: Path) -> None:
    reading = normalise(of_file(corpus / case["file"])[case["record"]])
    assert {"crosswalk": reading.crosswalk, "entry": shortened(reading.entry.compact())} == {
        "crosswalk": case["crosswalk"],
        "entry": case["entry"],
    }
