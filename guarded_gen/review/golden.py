"""Golden cases: known answers, mixed in, so that it shows how well people decide.

A copy looks like the case that it was made from and nothing of it takes effect. It is made for
one person at the moment when they ask for their next case, at the rate of the settings; nobody
gets the same one twice, nor one that they made or decided themselves.
"""

from __future__ import annotations

import random
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.review.cases import Clock, Filters, NewCase, now_ms, open_case, visible
from guarded_gen.review.errors import FloorRule
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.review.routing import closed_to
from guarded_gen.store import Store
from guarded_gen.store.tables.review import GoldenCase, ReviewCase, ReviewVerdict

ANSWERS = ("allow", "block")


@dataclass(frozen=True, slots=True)
class GoldenFigures:
    """How one golden case was answered so far."""

    golden: GoldenCase
    case: ReviewCase
    seen: int
    right: int


@dataclass(slots=True)
class GoldenCases:
    """Making, mixing and counting of golden cases. ``folder`` keeps copies of their clips."""

    store: Store
    log: AuditLog
    folder: Path
    rate: float = 0.0
    chance: Callable[[], float] = random.random
    clock: Clock = now_ms
    _none_until: int = field(default=0)

    def make(self, who: Member, case_id: str, expected: str, media: Sequence[Path] = ()) -> str:
        """Make a case golden. ``media`` is what its reviewer saw: private copies are kept.

        Raises :class:`Conflict` when it is golden already or an appeal, and :class:`FloorRule`
        for an answer that nobody could give.
        """
        who.require(Permission.ASSIGN)
        if expected not in ANSWERS:
            raise InvalidInput("the right answer is allow or block", "choose one", "expected")
        id = f"gold_{uuid.uuid4().hex}"
        copies = [self.folder / f"{id}.{n}{path.suffix}" for n, path in enumerate(media)]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, copy in zip(media, copies, strict=True):
            shutil.copyfile(path, copy)

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            if case.kind != "review":
                raise Conflict("only a case of a gate can become golden", "choose another one")
            if case.restricted:
                raise Conflict("restricted material is never copied", "choose another one")
            if case.floor and expected == "allow":
                raise FloorRule("nobody can allow this case", "its right answer is block")
            if tx.session.scalar(select(GoldenCase.id).where(GoldenCase.case == case_id)):
                raise Conflict("this case is golden already", "retire it under Quality")
            tx.session.add(
                GoldenCase(
                    id=id,
                    case=case_id,
                    tenant=case.tenant,
                    expected=expected,
                    media=str(copies[0]) if copies else None,
                    made_by=who.id,
                    made_at=self.clock(),
                    active=True,
                )
            )
            tx.append(
                Event(
                    kind="golden.made",
                    tenant=case.tenant,
                    actor=who.id,
                    related=case.decision,
                    body={"golden": id, "case": case_id, "expected": expected},
                )
            )

        try:
            self.log.write(work)
        except BaseException:
            for copy in copies:
                copy.unlink(missing_ok=True)
            raise
        self._none_until = 0
        return id

    def retire(self, who: Member, id: str) -> None:
        """Mix it in no more; what was answered still counts. Its copies are removed."""
        who.require(Permission.ASSIGN)

        def work(tx: Transaction) -> None:
            golden = tx.session.get(GoldenCase, id)
            if golden is None or not who.sees(golden.tenant):
                raise NotFound(f"there is no golden case {id[:60]}", "look under Quality")
            golden.active, golden.media = False, None
            tx.append(
                Event(
                    kind="golden.retired", tenant=golden.tenant, actor=who.id, body={"golden": id}
                )
            )

        self.log.write(work)
        for copy in self._copies(id):
            copy.unlink(missing_ok=True)

    def mix(self, who: Member, filters: Filters) -> str | None:
        """The id of a copy made for this person now, or None (mostly)."""
        if not self.rate or self.chance() >= self.rate or self.clock() < self._none_until:
            return None
        found = self._fitting(who, filters)
        if found is None:
            return None
        golden, source, barred = found

        def work(tx: Transaction) -> str:
            id = open_case(
                tx,
                NewCase(
                    item=source.item,
                    tenant=source.tenant,
                    subject=source.subject,
                    stage=source.stage,
                    decision=source.decision,
                    category=source.category,
                    rule=source.rule,
                    reason=source.reason,
                    policy_digest=source.policy_digest,
                    floor=source.floor,
                    kind="golden",
                    reach=source.reach,
                    details=source.details,
                    expected=golden.expected,
                    barred=barred,
                ),
                self.clock,
            )
            copy = tx.session.get(ReviewCase, id)
            assert copy is not None, "it was added a moment ago"
            copy.source, copy.assignee = golden.id, who.id
            return id

        return self.log.write(work)

    def _fitting(
        self, who: Member, filters: Filters
    ) -> tuple[GoldenCase, ReviewCase, list[str]] | None:
        """A golden case that this person may meet, among what they asked for."""
        with self.store.read() as session:
            active = list(session.scalars(select(GoldenCase).where(GoldenCase.active)))
            if not active:
                self._none_until = self.clock() + 10_000
                return None
            met = set(
                session.scalars(
                    select(ReviewCase.source).where(
                        ReviewCase.kind == "golden", ReviewCase.assignee == who.id
                    )
                )
            )
            open_ = [g for g in active if g.id not in met and g.made_by != who.id]
            for golden in sorted(open_, key=lambda g: (g.made_at, g.id)):
                source = session.get(ReviewCase, golden.case)
                if source is None or not who.sees(source.tenant) or not filters.fit(source):
                    continue
                if source.category in who.refuses or closed_to(session, source, who):
                    continue
                decided = session.scalars(
                    select(ReviewVerdict.person).where(ReviewVerdict.case == source.id)
                )
                barred = sorted({*decided, *source.barred})
                if who.id not in barred and source.holder != who.id:
                    return golden, source, barred
        return None

    def figures(self, who: Member) -> list[GoldenFigures]:
        """Every golden case with its answers, the newest first."""
        who.require(Permission.SEE_QUALITY)
        answers: dict[str, list[bool]] = defaultdict(list)
        with self.store.read() as session:
            every = list(session.scalars(select(GoldenCase).order_by(GoldenCase.made_at.desc())))
            rows = session.execute(
                select(ReviewCase.source, ReviewVerdict.action, ReviewCase.expected)
                .join(ReviewVerdict, ReviewVerdict.case == ReviewCase.id)
                .where(ReviewCase.source.is_not(None), ReviewVerdict.undone.is_(False))
            )
            for source, action, expected in rows:
                answers[str(source)].append(action == expected)
            found = []
            for golden in every:
                case = session.get(ReviewCase, golden.case)
                if case is not None and who.sees(golden.tenant):
                    given = answers[golden.id]
                    found.append(GoldenFigures(golden, case, len(given), sum(given)))
        return found

    def media(self, case: ReviewCase) -> tuple[Path, ...]:
        """What the reviewer of a copy may look at, while its golden case is active."""
        return self._copies(case.source) if case.source is not None else ()

    def _copies(self, id: str) -> tuple[Path, ...]:
        """In their order; one that was made before there could be several has no number."""
        found = (path for path in self.folder.glob(f"{id}.*") if path.is_file())
        return tuple(sorted(found, key=lambda path: (len(path.name), path.name)))
