"""What the catalogue must hold of a repository that changes and misbehaves: a simple model, in memory.

It keeps every version that the repository ever had of a record. What the catalogue holds must be one of them, never an
older one than before; and whoever says `complete` must hold the version that his list was due.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from asking import Asker
from oracle import Held, stored

from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.mock import FAULTS, FakeRepository, Record
from harvester.mock.faults import text

# Text that is repaired may read otherwise than the store has it, a record without datestamp gets that of the answer, and a
# clock that is set back has dated records in the meantime. These leave records as they are.
LEAVES_TEXT = frozenset(
    {
        "cut_page",
        "control_characters",
        "nul",
        "lone_surrogate_reference",
        "bom",
        "leading_junk",
        "trailing_garbage",
    }
    | {
        "doctype",
        "entity_bomb",
        "root_namespaces",
        "empty_metadata",
        "no_identifier",
        "fractional_datestamps",
    }
    | {"wrong_root"}
)
CHANGES_TEXT = (text.FAULTS.keys() - LEAVES_TEXT) | {"clock_skew"}
# After these a set's list may hold anybody.
IGNORES_SETS = frozenset({"ignores_set", "loses_set_on_later_pages"})
MUTATIONS = ("add", "revise", "delete", "undelete", "move", "restamp", "revise_quietly", "move_quietly")
# ListSets and POST are never asked, and we always take gzip.
MOOT = frozenset(
    {"sets_in_pages", "endless_sets", "sets_missing", "sets_refused", "post_refused", "gzip_unasked"}
)
OVERLAP = timedelta(minutes=15)
ARMS = tuple(sorted(FAULTS.keys() - MOOT))
# Each of them costs a real second, or so.
_ONCE = frozenset({"hang", "gzip_bomb", "oversized", "huge_record"})
_OPTIONS: dict[str, dict[str, Any]] = {
    "503_retry_after": {"seconds": 3600},
    "gzip_bomb": {"megabytes": 3},
    "oversized": {"megabytes": 3},
    "slow": {"seconds": 0.02},
    "trickle": {"bytes": 4000, "seconds": 0.01},
}
_PLANS = (
    "SELECT p.id, p.kind, p.state, p.from_, p.until, p.candidate_watermark, s.watermark FROM plans p"
    " JOIN streams s ON s.id = p.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name = :name AND s.set_spec = '{spec}' ORDER BY p.id"
)
_LAST = (
    "SELECT u.plan_id FROM runs u JOIN streams s ON s.id = u.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name = :name AND s.set_spec = '{spec}' AND u.kind = 'harvest' ORDER BY u.id DESC LIMIT 1"
)
_TALLIES = (
    "SELECT t.set_id, t.live, t.deleted, count(x) FILTER (WHERE NOT x.deleted), count(x) FILTER (WHERE x.deleted)"
    " FROM tallies t JOIN repositories r ON r.id = t.repository_id LEFT JOIN records x"
    " ON x.repository_id = t.repository_id AND x.format = t.format"
    " AND (t.set_id = 0 OR t.set_id = ANY (x.proven_sets))"
    " WHERE r.name = :name GROUP BY t.format, t.set_id, t.live, t.deleted"
)
_QUARANTINED = "SELECT coalesce(sum(quarantined), 0) FROM runs WHERE plan_id = {plan}"
_WAITING = (
    "SELECT q.identifier FROM quarantine q JOIN repositories r ON r.id = q.repository_id"
    " WHERE r.name = :name AND q.resolved_at IS NULL AND q.identifier IS NOT NULL"
)
SETS = (("blue",), ("blue:sky", "red"), ("red",), ("green",))


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it was once. `loud`: its datestamp moved with the change, so that an incremental harvest may know."""

    record: Record
    held: Held
    loud: bool


@dataclass(slots=True)
class Due:
    """What a plan's list must bring: per identifier the version that was there when the plan began.

    `clock` is the server's then, `faults` those that took part since.
    """

    clock: datetime
    last: dict[str, int]
    faults: set[str] = field(default_factory=set)
    changed: bool = False  # while the list was walked


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan asks for. `ranged`: the dates are the caller's, and not where the last harvest began."""

    spec: str
    from_: datetime | None
    until: datetime | None
    ranged: bool

    @property
    def whole(self) -> bool:
        """Whether it asks for all of the set."""
        return self.from_ is None and self.until is None


def mutate(fake: FakeRepository, kind: str, place: int) -> None:
    """Change the repository as its managers would; `place` chooses record and sets."""
    store, records = fake.store, fake.store.records
    chosen, sets = records[place % len(records)], SETS[place % len(SETS)]
    if kind == "add":
        store.add(1 + place % 3, sets=sets)
    elif kind == "restamp":
        store.restamp()
    elif kind in ("move", "move_quietly"):
        store.move(chosen.identifier, sets, quietly=kind == "move_quietly")
    elif kind == "delete":
        store.delete(chosen.identifier)
    elif kind == "undelete" or chosen.deleted:
        store.undelete(chosen.identifier)
    elif kind == "revise":
        store.revise(chosen.identifier)
    else:
        store._put(replace(chosen, revision=chosen.revision + 1), restamp=False)


def arm(fake: FakeRepository, name: str, times: int | None, page: int | None, **more: Any) -> None:
    """Arm a fault as small as it can be without losing its point."""
    times = 1 if name in _ONCE else times
    fake.misbehave(name, times=times, on_page=page, **_OPTIONS.get(name, {}), **more)


class Model:
    """Every version of every record, and how far the catalogue has come with each."""

    def __init__(self, fake: FakeRepository) -> None:
        self.fake = fake
        self.versions: dict[str, list[Version]] = {}
        self.reached: dict[str, int] = {}
        self.altered: dict[str, Held] = {}  # held, but not as the store ever had it: a fault changed the text
        self.sets_harvested: set[str] = set()
        self.sets_ignored: set[str] = set()
        self.forgone: dict[
            str, set[str]
        ] = {}  # by set: behind, and a harvest that went on had said it was not sure
        self.plans: dict[int, Due] = {}
        self.note(loud=True)

    def note(self, *, loud: bool) -> None:
        """The store may have changed."""
        for record in self.fake.store.records:
            known = self.versions.setdefault(record.identifier, [])
            if not known or known[-1].record != record:
                held = stored(self.fake, lambda each, one=record: each is one)[record.identifier]  # type: ignore[misc]
                known.append(Version(record, held, loud))

    def snapshot(self, clock: datetime) -> Due:
        """What a list that begins now is due."""
        return Due(clock, {each: len(known) - 1 for each, known in self.versions.items()})

    def see(self, held: Mapping[str, Held], faults: Collection[str]) -> None:
        """Look at the catalogue after a harvest in which these faults took part; raises AssertionError."""
        gone = (self.reached.keys() | self.altered.keys()) - held.keys()
        assert not gone, f"received, and gone: {sorted(gone)}"
        for identifier, each in held.items():
            assert identifier in self.versions, f"the store never had {identifier}"
            found = self._index(identifier, each)
            if found is None:
                before = self.altered.get(identifier)
                assert before == each or CHANGES_TEXT & set(faults), f"the store never had {each}"
                self.altered[identifier] = each
            else:
                was = self.reached.get(identifier, -1)
                assert found >= was, f"{identifier}: version {was} was held, and {found} came over it"
                self.reached[identifier] = found
                self.altered.pop(identifier, None)

    def _index(self, identifier: str, each: Held) -> int | None:
        """The newest version that this may be; sets that a stream of them has proven stay."""
        known = self.versions[identifier]
        proven = {spec for spec in self.sets_harvested if any(one.record.belongs(spec) for one in known)}
        proven |= self.sets_ignored
        for number in reversed(range(len(known))):
            version = known[number].held
            if (
                version.sets <= each.sets <= version.sets | proven
                and replace(version, sets=each.sets) == each
            ):
                return number
        return None

    def behind(self, due: Due, scope: Scope) -> set[str]:
        """Identifiers that the catalogue does not hold as this list had them, or as earlier lists of its kind had.

        What has changed since the list began may have left one window of dates for another that had been read: that is due
        to the next list.
        """
        return {
            identifier
            for identifier, last in due.last.items()
            if self.reached.get(identifier, -1) < self._wanted(identifier, last, scope)
            and identifier not in self.altered
            and not any(each.loud or scope.spec for each in self.versions[identifier][last + 1 :])
        }

    def _wanted(self, identifier: str, last: int, scope: Scope) -> int:
        """The version that is due: the list's own, where it is in the list; else the last of which its datestamp told."""
        known = self.versions[identifier][: last + 1]
        stamp = known[-1].record.datestamp
        if not known[-1].record.belongs(scope.spec) and scope.spec:
            return -1
        if (scope.from_ is None or stamp >= scope.from_) and (scope.until is None or stamp <= scope.until):
            return last
        if scope.ranged:
            return -1
        loud = max(number for number, each in enumerate(known) if each.loud)
        # What came into a set without a word is found by no list since then.
        if scope.spec and not all(each.record.belongs(scope.spec) for each in known[loud:]):
            return -1
        return loud

    def judge(self, due: Due, scope: Scope, *, sure: bool, moved: bool, excused: int) -> None:
        """A plan has ended. `sure`: the harvest called it complete; `moved`: the next begins where this one did.

        `excused`: how many records it has put into quarantine. Raises AssertionError where it should not have been sure.
        """
        forgone = self.forgone.setdefault(scope.spec, set())
        behind = self.behind(due, scope)
        # A record without datestamp whose metadata is held is not taken for a change.
        deceived = bool({"deletes_silently", "missing_datestamp"} & due.faults) or (
            "drifting_pages" in due.faults and due.changed
        )
        if sure and not deceived:
            missing = behind - forgone
            assert len(missing) <= excused, f"complete, and yet behind: {sorted(missing)}"
        if sure and moved and not deceived and scope.whole:
            forgone.clear()
        if moved:
            forgone |= behind

    def assert_same(self, held: Mapping[str, Held]) -> None:
        """The catalogue is the store; sets that streams have proven may be more."""
        assert held.keys() == self.versions.keys()
        last = {identifier: len(known) - 1 for identifier, known in self.versions.items()}
        wrong = {each for each in held if self._index(each, held[each]) != last[each]}
        assert not wrong, f"{len(wrong)} differ, the first: {self._pair(min(wrong), held)}"

    def _pair(self, identifier: str, held: Mapping[str, Held]) -> tuple[Held, Held]:
        return self.versions[identifier][-1].held, held[identifier]


class Follower:
    """Harvests a repository, and holds the catalogue against the model after each harvest."""

    def __init__(self, ask: Asker) -> None:
        self.ask = ask
        self.model = Model(ask.fake)
        self._under_way: Due | None = None

    def change(self, kind: str, place: int) -> None:
        """Change the repository, also while a harvest is under way."""
        mutate(self.ask.fake, kind, place)
        self.model.note(loud="quietly" not in kind)
        if self._under_way is not None:
            self._under_way.changed = True

    def harvest(self, spec: str, wish: Wish, clock: datetime, **options: Any) -> Report:
        """Harvest once; raises AssertionError where something does not hold then. `clock` is the server's."""
        fake, model = self.ask.fake, self.model
        before, due = self._plans(spec), model.snapshot(clock)
        fake.log.clear()
        if spec:
            model.sets_harvested.add(spec)
        self.ask.forgive()
        self._under_way = due
        try:
            report = self.ask(sets=[spec], wish=wish, **options)
        finally:
            self._under_way = None
        faults = {name for each in fake.log if each.fault for name in each.fault.split(",")}
        if spec and faults & IGNORES_SETS:
            model.sets_ignored.add(spec)
        model.see(self.ask.held(), faults)
        self._judge(spec, report, before, due, faults)
        for number, *said in self.ask.rows(_TALLIES):
            assert said[:2] == said[2:], f"set {number}: tallies {said[:2]}, recount {said[2:]}"
        return report

    def settle(self, clock: datetime) -> None:
        """The repository is quiet: harvest all of it, and the catalogue is the store."""
        for _ in range(3):
            resumed = any(
                each[:2] != ("range", "open") and each[1] == "open" for each in self._plans("").values()
            )
            report = self.harvest("", Wish(full=True), clock)
            if not resumed:
                break
        assert report.outcome in ("complete", "complete_unverified"), report
        self.model.assert_same(self.ask.held())
        waiting = {row[0] for row in self.ask.rows(_WAITING)} & self.model.versions.keys()
        assert not waiting, f"came whole, and still in quarantine: {sorted(waiting)}"

    def _plans(self, spec: str) -> dict[int, tuple[Any, ...]]:
        return {row[0]: row[1:] for row in self.ask.rows(_PLANS.format(spec=spec))}

    def _judge(
        self, spec: str, report: Report, before: dict[int, tuple[Any, ...]], due: Due, faults: set[str]
    ) -> None:
        after = self._plans(spec)
        if not report.streams or not after:
            return
        plan = int(
            self.ask.one(_LAST.format(spec=spec))
        )  # a range stands beside the harvest that is under way
        kind, state, from_, until, candidate, watermark = after[plan]
        begun = before.get(plan)
        if begun is not None and begun[4] is not None:
            due, changed = self.model.plans[plan], due.changed
            due.changed = due.changed or changed
        self.model.plans[plan] = due
        due.faults |= faults
        if candidate is not None:
            # A clock that is hours off is not believed: ours stands in, which differs by less than the overlap.
            latest = due.clock + (OVERLAP if "clock_skew" in due.faults else timedelta(0))
            assert candidate <= latest, f"the list began at {due.clock}, the next begins at {candidate}"
        if state != "done":
            return
        earlier = list(before.values())[-1][5] if before else None
        moved = watermark is not None and watermark != earlier
        assert not moved or watermark == candidate
        scope = Scope(spec, from_, until, kind == "range")
        excused = int(self.ask.one(_QUARANTINED.format(plan=plan)))
        self.model.judge(due, scope, sure=report.outcome == "complete", moved=moved, excused=excused)
