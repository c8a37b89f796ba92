"""A campaign: processes are killed, Postgres is restarted, and the repository misbehaves, all at once and at random.

Two lanes work on one catalogue, in a Postgres of their own. One kills real processes while they harvest, and restarts
Postgres under them; its repository fails in ways that must cost nothing. The other harvests without being killed from
repositories that do whatever the fake one can do, against the model of `model`; it is this file, as a program.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import zstandard
from asking import QUICK, Asker
from command_line import CHECKOUT, start, wait_until
from model import MUTATIONS, Follower, mutate
from oracle import Held, differences, held, stored
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from harvester import clock
from harvester.catalogue import embedded, postmaster
from harvester.catalogue.connection import connect
from harvester.catalogue.migration import upgrade
from harvester.errors import CatalogueError
from harvester.harvest import harvest as harvesting
from harvester.harvest.cutting import LONGEST
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener
from harvester.mock import FAULTS, FakeRepository
from harvester.wire import Client

T = TypeVar("T")

PAGE = 10
KILLS_A_LIST = 8
PAGES_A_KILL = 6  # about what a process manages before it is killed
_LONGEST = 0.25  # seconds between a process's first request and its end
_AT_START = 0.15  # of all kills come while the process is starting
# What fails only for a moment, and leaves the text of records as it is: whatever comes between, nothing may be missing.
PASSING: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("500", "502", "504", "404", "html_200", "empty_body", "cut_body", "cut_page", "short_length"), {}),
    **dict.fromkeys(("drops_connection", "no_length", "gzip_unannounced", "gzip_announced_but_plain", "redirect"), {}),
    **dict.fromkeys(("bom", "leading_junk", "trailing_garbage", "nul", "control_characters", "root_namespaces"), {}),
    **dict.fromkeys(("token_refused", "token_refused_422", "token_expires", "empty_middle_page", "duplicates"), {}),
    **dict.fromkeys(("wrong_root", "error_without_code", "silent_truncation", "no_token_on_last_page", "poison"), {}),
    **dict.fromkeys(("403", "429", "503_bare", "bot_wall", "doctype"), {}),
    "chunked": {"share": 0.5},
    "hang": {"after": 200},
    "reset": {"after": 700},
    "slow": {"seconds": 0.05},
    "503_retry_after": {"seconds": 3600},
}
PASSING = {name: options for name, options in PASSING.items() if name in FAULTS}
# ListSets and POST are never asked; a bomb that is too large for no one only costs time.
MOOT = frozenset({"sets_in_pages", "endless_sets", "sets_missing", "sets_refused", "post_refused", "gzip_unasked"})
OPTIONS: dict[str, dict[str, Any]] = {
    "503_retry_after": {"seconds": 3600},
    "gzip_bomb": {"megabytes": 3},
    "oversized": {"megabytes": 3},
    "slow": {"seconds": 0.02},
    "trickle": {"bytes": 4000, "seconds": 0.01},
}
ONCE = frozenset({"hang", "gzip_bomb", "oversized", "huge_record"})  # each costs a real second or so
# A page is applied when its window moves by one, behind the fence. `token` is what it was asked for with.
_WITNESS = (
    "CREATE TABLE applied (window_id bigint, way text, restarts int, number int, token text)",
    "CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO applied VALUES (NEW.id, NEW.way, NEW.restarts, NEW.pages,"
    "  CASE WHEN NEW.restarts = OLD.restarts THEN OLD.token END); RETURN NULL; END $$",
    "CREATE TRIGGER witness AFTER UPDATE ON windows FOR EACH ROW WHEN (NEW.way = OLD.way AND ("
    " (NEW.restarts = OLD.restarts AND NEW.pages = OLD.pages + 1)"
    " OR (NEW.restarts = OLD.restarts + 1 AND NEW.pages = 1))) EXECUTE FUNCTION witness()",
)
_TWICE = "SELECT count(*) FROM (SELECT FROM applied GROUP BY window_id, way, restarts, number HAVING count(*) > 1) t"
_TOKEN_TWICE = (
    "SELECT count(*) FROM (SELECT FROM applied a JOIN windows w ON w.id = a.window_id JOIN plans p ON p.id = w.plan_id"
    " JOIN streams s ON s.id = p.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name LIKE 'killed-offset-%' AND a.token IS NOT NULL"
    " GROUP BY a.window_id, a.way, a.restarts, a.token HAVING count(*) > 1) t"
)
_FORGIVE = "UPDATE hosts SET pause = 0, penalised_at = NULL, next_allowed_at = NULL"
_QUARANTINED = (
    "SELECT q.identifier, q.reason, q.raw FROM quarantine q JOIN repositories r ON r.id = q.repository_id"
    " WHERE r.name = :name AND q.resolved_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is to happen; `faults` are counted when they took part in an answer."""

    kills: int
    restarts: int
    faults: int


@dataclass(slots=True)
class Result:
    """What happened. `problems`: each a sentence; there should be none."""

    seed: int
    kills: int = 0
    restarts: int = 0
    faults: int = 0
    pages: int = 0
    harvests: int = 0
    quarantined: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills={self.kills} restarts={self.restarts} faults={self.faults} pages={self.pages}"
            f" harvests={self.harvests} differences={len(self.problems)} quarantined={self.quarantined} seed={self.seed}"
        )
