"""The writer of a pass through identifiers: a page's keys and its window in one transaction. No record is changed."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from harvester.catalogue import census, hosts, page_marks, runs
from harvester.catalogue.keys import item_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.catalogue.windows import Window
from harvester.harvest.page_rows import Changes
from harvester.harvest.pages import Arrival, Committed, Committer, mark_of, moved
from harvester.harvest.watching import names
from harvester.oai.records import Page


@dataclass(slots=True)
class CensusWriter:
    """Writes pages of headers into the census of a plan; `records` writes whole records that come beside the list."""

    plan_id: int
    records: Committer
    connection: Connection = field(init=False)
    stream: Stream = field(init=False)

    def __post_init__(self) -> None:
        self.connection, self.stream = self.records.connection, self.records.stream

    def commit(self, window: Window, page: Page, arrival: Arrival) -> Committed:
        """All of the page or nothing of it; the change feed does not hear of it. Raises Fenced, and DBAPIError."""
        listed = {each.header.identifier for each in page.records}
        # A deleted header is no sign of life: where the record is held as live, it is asked for.
        alive = [each for each in page.records if not each.header.deleted]
        if arrival.named_only:
            alive = [each for each in alive if names(each, self.stream.set_spec)]
        keys = [item_key(self.stream.repository_id, each.header.identifier) for each in alive]
        mark = mark_of(page, len(listed) + len(page.broken), arrival)
        # The earlier of the two clocks: what is newer than the list is not missed in it.
        mark = replace(mark, response_date=min(page.response_date, page.received_at))
        made = Changes(
            counts=Counts(
                pages=1, requests=arrival.requests, received=mark.received, restarts=int(arrival.restarts)
            )
        )
        connection = self.connection
        with connection.begin():
            page_marks.move_window(connection, window, mark)
            census.add(connection, self.plan_id, keys)
            runs.add_counts(connection, self.records.run_id, made.counts)
            waited = hosts.asked(connection, self.records.host, arrival.pause)
        return Committed(moved(window, page, mark), made, waited)

    def keep(self, page: Page, requests: int) -> Changes:
        """As `Committer.keep`."""
        return self.records.keep(page, requests)
