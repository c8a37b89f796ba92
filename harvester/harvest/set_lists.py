"""ListSets walked to its end, or as far as it is worth: hostile lists have none, and some are longer than that of records."""

from dataclasses import dataclass, field

from harvester import clock
from harvester.errors import Refused
from harvester.harvest.questions import Questions
from harvester.oai.description import SetsPage, read_sets
from harvester.oai.repository import Doubt
from harvester.wire import Response

SETS = "ListSets"
_LONGEST_SPEC = 512  # characters; what is longer could not be asked for on the command line either
_STALE_PAGES = 3  # in a row, each with a token and without a set that is new


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a list of sets is left: after so many pages, sets, or seconds."""

    pages: int = 1_000
    sets: int = 50_000
    seconds: float = 900.0


BOUNDS = Bounds()


@dataclass(slots=True)
class SetList:
    """As far as it was read: `sets` {setSpec: setName}. `doubts` say why there may be more.

    `stands`: the repository said that it is as it was, and nothing was read. `response` is that of its first page.
    """

    sets: dict[str, str | None] = field(default_factory=dict)
    pages: int = 0
    received: int = 0
    left_out: int = 0
    ended: bool = False
    stands: bool = False
    doubts: list[str] = field(default_factory=list)
    response: Response | None = None

    @property
    def whole(self) -> bool:
        """Whether what it does not name is not there."""
        return self.ended and not self.doubts

    def add(self, page: SetsPage) -> bool:
        """Add a page; whether it brought anything new."""
        before = len(self.sets)
        self.pages += 1
        self.received += len(page.sets)
        for each in page.sets:
            if len(each.spec) > _LONGEST_SPEC or not each.spec.isprintable():
                self.left_out += 1
            else:
                self.sets.setdefault(each.spec, each.name)
        return len(self.sets) > before


def walk(found: SetList, questions: Questions, bounds: Bounds, *, known: bool) -> None:
    """Read page after page into `found`, which keeps what came where a question raises; one question where it is `known`
    and stands.
    """
    until = clock.monotonic() + bounds.seconds
    page = _first(found, questions, known=known)
    if page is None:
        found.stands = True
        return
    news, stale, size = found.add(page), 0, page.size
    while page.token is not None:
        stale = 0 if news else stale + 1
        if why := _why_stop(found, bounds, stale=stale, late=clock.monotonic() >= until):
            found.doubts.append(why)
            break
        page = _further(found, questions, page.token)
        news, size = found.add(page), page.size or size
    found.ended = page.token is None
    if found.ended and size is not None and found.received < size:
        found.doubts.append(f"it announced {size:,} sets, and {found.received:,} came")
    if len(found.sets) > bounds.sets:
        found.sets = dict(list(found.sets.items())[: bounds.sets])
        found.doubts.append(f"it names more than {bounds.sets:,} sets, and the others were not kept")


def _first(found: SetList, questions: Questions, *, known: bool) -> SetsPage | None:
    try:
        heard = questions.ask(SETS, read_sets, known=known)
    except Refused as error:
        if error.reason != "noSetHierarchy":
            raise
        return SetsPage(())  # an answer like any other: it has no sets (section 4.6)
    if heard is None:
        return None
    page, found.response = heard
    return page


def _further(found: SetList, questions: Questions, token: str) -> SetsPage:
    doubt = Doubt()
    page, response = questions.further(SETS, read_sets, token, doubt)
    # Redirects make every question take as many requests; one more is a token that was sent twice.
    usual = found.response.requests if found.response is not None else 1
    twice = doubt.failures > 0 or response.requests > usual
    if twice and questions.job.repository.idempotent_tokens is not True:
        found.doubts.append("a page of it had to be asked for twice, so one may have been passed over")
    return page


def _why_stop(found: SetList, bounds: Bounds, *, stale: int, late: bool) -> str | None:
    if stale >= _STALE_PAGES:
        return "it names the same sets again and again, and has no end"
    if found.pages >= bounds.pages or len(found.sets) > bounds.sets:
        return f"it goes on after {found.pages:,} pages, and was left there"
    if late:
        return f"it took more than {bounds.seconds:,.0f} seconds, and was left there"
    return None
