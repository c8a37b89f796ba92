"""Lists that never end: the same page for ever, cycles, empty pages, and more pages than the list can have.

Tokens need not differ from page to page, so a repeated token alone proves nothing (scythe#411): token and identifiers
together do, and so do many pages in a row that bring nothing new.
"""

import hashlib
from collections import deque

from harvester.oai.records import Page

EMPTY_PAGES = 10  # figshare and HAL send some in the middle or after the end; metha allows as many
# Pages in a row whose records all came before, under tokens that are always new.
STALE_PAGES = 10
_REMEMBERED = 2048  # two marks for each page: half of it is the longest cycle that is found
_SLACK = 1000  # pages beyond what completeListSize announces, which may be wrong


class LoopGuard:
    """Watches one walk through one list. Not shared between threads."""

    def __init__(self) -> None:
        self._seen: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._known: set[bytes] = set()
        self._empty = 0
        self._stale = 0
        self._pages = 0
        self._largest = 1

    def verdict(self, page: Page) -> str | None:
        """`token_loop` or `empty_pages` where the walk must stop, else None. Ask once per page, in order."""
        self._pages += 1
        size = len(page.records) + len(page.broken)
        if page.token is None:
            return None
        if size == 0:
            self._empty += 1
            return "empty_pages" if self._empty >= EMPTY_PAGES else None
        self._empty = 0
        self._largest = max(self._largest, size)
        announced = page.token.complete_list_size
        if announced is not None and self._pages > 10 * announced // self._largest + _SLACK:
            return "token_loop"
        mark = hashlib.blake2b(digest_size=16)
        for record in page.records:
            mark.update(b"\0" + record.header.identifier.encode("utf-8"))
        for broken in page.broken:
            mark.update(b"\1" + broken.raw)
        self._stale = self._stale + 1 if self._repeats(mark.digest()) else 0
        mark.update(b"\2" + page.token.text.encode("utf-8"))
        return "token_loop" if self._repeats(mark.digest()) or self._stale >= STALE_PAGES else None

    def _repeats(self, digest: bytes) -> bool:
        if digest in self._known:
            return True
        if len(self._seen) == self._seen.maxlen:
            self._known.discard(self._seen[0])
        self._seen.append(digest)
        self._known.add(digest)
        return False
