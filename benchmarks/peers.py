"""The peers of the bench, each run in a process of its own: python benchmarks/peers.py NAME URL prints the records seen."""

import json
import re
import sys
import tempfile
from collections.abc import Callable


def bare(url: str) -> int:
    """The floor: ask and take the token, parse nothing, over one kept-alive connection."""
    import requests

    session = requests.Session()
    arguments, seen = {"verb": "ListRecords", "metadataPrefix": "oai_dc"}, 0
    while True:
        body = session.get(url, params=arguments).content
        seen += body.count(b"<record>")
        token = re.search(rb"<resumptionToken[^>]*>([^<]*)<", body)
        if token is None or not token[1]:
            return seen
        arguments = {"verb": "ListRecords", "resumptionToken": token[1].decode()}


def sickle(url: str) -> int:
    """Sickle's iterator, written as JSON lines: nothing is normalised, indexed or stored for resuming."""
    from sickle import Sickle

    seen = 0
    with tempfile.TemporaryFile("w") as lines:
        for record in Sickle(url).ListRecords(metadataPrefix="oai_dc"):
            header = record.header
            line = {"identifier": header.identifier, "datestamp": header.datestamp, "sets": header.setSpecs}
            lines.write(json.dumps(line | {"deleted": record.deleted, "metadata": record.metadata}) + "\n")
            seen += 1
    return seen


def scythe(url: str) -> int:
    """oaipmh-scythe's iterator, nothing written."""
    from oaipmh_scythe import Scythe

    with Scythe(url) as client:
        return sum(1 for _ in client.list_records(metadata_prefix="oai_dc"))


PEERS: dict[str, Callable[[str], int]] = {"bare": bare, "sickle": sickle, "scythe": scythe}

if __name__ == "__main__":
    print(PEERS[sys.argv[1]](sys.argv[2]))
