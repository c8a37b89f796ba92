"""Faults of the protocol show on the wire."""

from datetime import datetime, timedelta

import pytest

from harvester.mock.faults import lists, selection

OAI = "{http://www.openarchives.org/OAI/2.0/}"

SYMPTOMS = {}


def symptom(*names):
    """Register what must be seen on the wire when the fault of this name is armed."""

    def register(check):
        SYMPTOMS.update(dict.fromkeys(names, check))
        return check

    return register


@pytest.mark.parametrize("name", sorted(lists.FAULTS | selection.FAULTS))
def test_the_fault_shows_on_the_wire_and_in_the_log_and_ends(check_fault, name):
    check_fault(name, SYMPTOMS[name])


def identifiers(repository):
    return [record.identifier for record in repository.store.records]


@symptom("token_refused", "token_refused_422")
def _(repository, reader, name):
    repository.misbehave(name, on_page=2, times=1)
    first = reader.ask()
    second = reader.ask(resumptionToken=first.token)
    reply = reader.ask(resumptionToken=second.token)
    assert (reply.status, reply.error) == (422 if name.endswith("422") else 200, "badResumptionToken")
    assert reader.ask(resumptionToken=second.token).identifiers == identifiers(repository)[20:]


@symptom("token_expires")
def _(repository, reader, name):
    repository.misbehave(name)
    page = reader.ask()
    assert page.token_attributes["expirationDate"] == page.root.findtext(f"{OAI}responseDate")
    assert reader.ask(resumptionToken=page.token).error == "badResumptionToken"


@symptom("token_used_once")
def _(repository, reader, name):
    repository.misbehave(name)
    token = reader.ask().token
    assert reader.ask(resumptionToken=token).error is None
    assert reader.ask(resumptionToken=token).error == "badResumptionToken"


@symptom("token_repeats")
def _(repository, reader, name):
    repository.misbehave(name)
    token = reader.ask().token
    for _ in range(3):
        page = reader.ask(resumptionToken=token)
        assert (page.token, page.identifiers) == (token, identifiers(repository)[10:20])


@symptom("token_cycle")
def _(repository, reader, name):
    repository.misbehave(name)
    seen = [page.identifiers[0] for page, _ in zip(reader.pages(), range(7), strict=False)]
    own = identifiers(repository)
    assert seen == [own[start] for start in (0, 10, 20, 10, 20, 10, 20)]


@symptom("same_token_text")
def _(repository, reader, name):
    repository.misbehave(name)
    pages = list(reader.pages())
    assert pages[0].token == pages[1].token
    assert [one for page in pages for one in page.identifiers] == identifiers(repository)


@symptom("awkward_token")
def _(repository, reader, name):
    repository.misbehave(name)
    token = reader.ask().token
    assert set("+/=&% \"'") <= set(token)
    assert reader.ask(resumptionToken=token.replace("+", " ")).error == "badResumptionToken"
    assert reader.ask(resumptionToken=token.replace("%2B", "+")).error == "badResumptionToken"
    assert reader.identifiers() == identifiers(repository)


@symptom("empty_middle_page")
def _(repository, reader, name):
    repository.misbehave(name)
    pages = list(reader.pages())
    assert [len(page.identifiers) for page in pages] == [10, 0, 10, 5]
    assert [one for page in pages for one in page.identifiers] == identifiers(repository)


@symptom("endless_empty_pages")
def _(repository, reader, name):
    repository.misbehave(name)
    pages = [page for page, _ in zip(reader.pages(), range(15), strict=False)]
    assert [len(page.identifiers) for page in pages] == [10] + [0] * 14
    assert len({page.token for page in pages}) == 15


@symptom("silent_truncation")
def _(repository, reader, name):
    repository.misbehave(name, on_page=1)
    pages = list(reader.pages())
    assert [len(page.identifiers) for page in pages] == [10, 10]
    assert (pages[-1].token, pages[-1].token_attributes["completeListSize"]) == ("", "25")


@symptom("wrong_size")
def _(repository, reader, name):
    repository.misbehave(name, on_page=0)
    repository.misbehave(name, on_page=1, size=-3)
    assert [page.token_attributes["completeListSize"] for page in reader.pages()] == ["57", "-3", "25"]


@symptom("no_records_match_422")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask(from_="2199-01-01")
    assert (reply.status, reply.error) == (422, "noRecordsMatch")
    assert reader.ask().status == 200


@symptom("no_records_match_as_empty_list")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask(from_="2199-01-01")
    assert reply.error is None
    assert len(reply.root.find(f"{OAI}ListRecords")) == 0


@symptom("token_to_no_records_match")
def _(repository, reader, name):
    repository.misbehave(name, times=1)
    pages = list(reader.pages())
    assert [page.error for page in pages] == [None, None, None, "noRecordsMatch"]
    repository.misbehave(name, on_page=0)
    assert [page.error for page in reader.pages()] == [None, "noRecordsMatch"]


@symptom("no_token_on_last_page")
def _(repository, reader, name):
    repository.misbehave(name)
    pages = list(reader.pages())
    assert (len(pages), pages[-1].token) == (3, None)


@symptom("duplicates")
def _(repository, reader, name):
    repository.misbehave(name, on_page=0, count=2)
    first = reader.ask().identifiers
    assert first == [*first[:10], *first[:2]]


@symptom("granularity_liar")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask("Identify").root.findtext(f".//{OAI}granularity").endswith("ssZ")
    assert reader.ask(from_="2015-01-01T00:00:00Z").error == "badArgument"
    assert reader.ask(from_="2015-01-01").error is None


@symptom("ignores_from", "ignores_until", "ignores_set")
def _(repository, reader, name):
    repository.misbehave(name)
    asked = {"ignores_from": {"from_": "2199-01-01"}, "ignores_until": {"until": "1999-01-01"}}
    assert reader.identifiers(**asked.get(name, {"set": "none"})) == identifiers(repository)


@symptom("loses_set_on_later_pages")
def _(repository, reader, name):
    repository.store.fill(300)
    repository.misbehave(name)
    pages = [page for page, _ in zip(reader.pages(set="portal_5"), range(3), strict=False)]
    foreign = [
        [b"<setSpec>portal_5</" not in part for part in page.body.split(b"<header")[1:]] for page in pages
    ]
    assert not any(foreign[0])
    assert any(foreign[1])


@symptom("deletes_silently")
def _(repository, reader, name):
    gone = identifiers(repository)[0]
    repository.store.delete(gone)
    repository.misbehave(name)
    assert gone not in reader.identifiers()
    assert reader.ask("GetRecord", identifier=gone, metadataPrefix="oai_dc").error == "idDoesNotExist"
    assert reader.ask("Identify").root.findtext(f".//{OAI}deletedRecord") == "persistent"


@symptom("drifting_pages")
def _(repository, reader, name):
    repository.misbehave(name)
    walk = reader.pages()
    first = next(walk).identifiers
    repository.store.vanish(first[0])
    rest = [one for page in walk for one in page.identifiers]
    assert len({*first, *rest}) == 24  # of 25: one slipped over the edge of a page, unseen


@symptom("poison")
def _(repository, reader, name):
    repository.misbehave(name)
    assert [reader.ask(verb).status for verb in ("ListRecords", "ListIdentifiers")] == [200, 200]
    token = reader.ask().token
    assert reader.ask(resumptionToken=token).status == 500
    poison = repository.store[identifiers(repository)[12]]
    day = poison.datestamp.date().isoformat()
    assert reader.ask(from_=day, until=day).status == 500
    assert reader.ask("GetRecord", identifier=poison.identifier, metadataPrefix="oai_dc").status == 200
    repository.behave()
    repository.misbehave(name, identifier=identifiers(repository)[3])
    assert reader.ask().status == 500


@symptom("clock_skew")
def _(repository, reader, name):
    repository.misbehave(name, hours=-14)
    reply = reader.ask()
    sent = datetime.fromisoformat(reply.root.findtext(f"{OAI}responseDate"))
    assert abs(repository.now() - timedelta(hours=14) - sent) < timedelta(seconds=5)
    first = repository.store.records[0]
    stamp = reply.headers_of_records[0].findtext(f"{OAI}datestamp")
    assert datetime.fromisoformat(stamp) == first.datestamp - timedelta(hours=14)
    # The server lives by its own clock: its datestamps select its records.
    assert first.identifier in reader.identifiers(from_=stamp, until=stamp)


@symptom("error_without_code")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask().error == ""


@symptom("loses_dates_on_later_pages")
def _(repository, reader, name):
    repository.store.fill(100)
    repository.misbehave(name)
    first, second = (page for page, _ in zip(reader.pages(from_="2020-01-01"), range(2), strict=False))
    stamps = [
        {each.findtext(f"{OAI}datestamp")[:4] for each in page.headers_of_records} for page in (first, second)
    ]
    assert min(stamps[0]) >= "2020" > min(stamps[1])


@symptom("exclusive_until")
def _(repository, reader, name):
    stamps = sorted(record.datestamp for record in repository.store.records)
    last = f"{stamps[11]:%Y-%m-%dT%H:%M:%SZ}"
    assert len(reader.identifiers(until=last)) == 12
    repository.misbehave(name)
    assert len(reader.identifiers(until=last)) == 11  # in two pages: the token does not shorten it again
    assert reader.ask(from_=last, until=last).error == "noRecordsMatch"
    day = last[:10]
    assert reader.ask(from_=day, until=day).error == "noRecordsMatch"


@symptom("until_means_midnight")
def _(repository, reader, name):
    day = f"{repository.store.records[0].datestamp:%Y-%m-%d}"
    assert reader.ask(from_=day, until=day).error is None
    repository.misbehave(name)
    assert reader.ask(from_=day, until=day).error == "noRecordsMatch"
    assert reader.ask(from_=f"{day}T00:00:00Z", until=f"{day}T23:59:59Z").error is None
    assert reader.ask(until=day).error in (None, "noRecordsMatch")


@symptom("refuses_dates")
def _(repository, reader, name):
    repository.misbehave(name)
    assert [reader.ask(**{bound: "2020-01-01"}).error for bound in ("from_", "until")] == ["badArgument"] * 2
    assert reader.ask().error is None


@symptom("nothing_without_from")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask().error == "noRecordsMatch"
    assert len(reader.identifiers(from_="1970-01-01")) == 25


def sets(page):
    return [each.text for each in page.root.iter(f"{OAI}setSpec")]


@symptom("sets_in_pages")
def _(repository, reader, name):
    repository.misbehave(name, size=20)
    pages = list(reader.pages("ListSets"))
    assert [spec for page in pages for spec in sets(page)] == repository.store.sets()
    assert [len(sets(page)) for page in pages[:-1]] == [20] * (len(pages) - 1)


@symptom("endless_sets")
def _(repository, reader, name):
    repository.misbehave(name)
    pages = [page for page, _ in zip(reader.pages("ListSets"), range(12), strict=False)]
    assert all(sets(page) == repository.store.sets() for page in pages)
    repository.behave()
    repository.misbehave(name, fresh=True)
    pages = [sets(page) for page, _ in zip(reader.pages("ListSets"), range(12), strict=False)]
    assert len({spec for page in pages for spec in page}) == 12 * len(repository.store.sets())


@symptom("sets_missing")
def _(repository, reader, name):
    repository.misbehave(name)
    assert sets(reader.ask("ListSets")) == repository.store.sets()[:3]


@symptom("sets_refused")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask("ListSets").error == "badVerb"
