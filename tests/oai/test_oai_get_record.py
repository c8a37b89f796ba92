"""One record asked for by its identifier, whatever comes for it."""

from collections.abc import Callable

from oai_pages import NOW
from scripted_server import Script, ScriptedServer, Told

from harvester.harvest.one_by_one import get_record
from harvester.oai.records import Broken, Record
from harvester.oai.repository import Repository

Ask = Callable[..., Repository]
Serve = Callable[[Script], ScriptedServer]


def answer(*identifiers: str) -> Told:
    records = "".join(
        f"<record><header><identifier>{each}</identifier><datestamp>{NOW:%Y-%m-%d}</datestamp></header>"
        f'<metadata><dc xmlns="urn:dc"><title>{each}</title></dc></metadata></record>'
        for each in identifiers
    )
    return Told(
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024-05-31T12:00:00Z</responseDate>'
        f'<request verb="GetRecord"/><GetRecord>{records}</GetRecord></OAI-PMH>'.encode()
    )


def test_of_several_records_the_one_that_was_asked_for_is_taken(ask: Ask, serve: Serve) -> None:
    server = serve(lambda _: answer("oai:x:other", "oai:x:mine"))
    found = get_record(ask(server.url), "oai:x:mine", "oai_dc")
    assert isinstance(found, Record)
    assert found.header.identifier == "oai:x:mine"
    assert found.metadata is not None
    assert found.metadata[0].text == "oai:x:mine"


def test_another_record_than_the_one_asked_for_is_never_taken_for_it(ask: Ask, serve: Serve) -> None:
    server = serve(lambda _: answer("oai:x:other"))
    found = get_record(ask(server.url), "oai:x:mine", "oai_dc")
    assert isinstance(found, Broken)
    assert (found.reason, found.identifier) == ("another_record", "oai:x:mine")
