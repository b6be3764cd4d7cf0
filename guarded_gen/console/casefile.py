"""What a case page tells besides the case itself: history, alikes, verdicts, the rule, exposure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.console.context import Console
from guarded_gen.review import notes
from guarded_gen.review.cases import now_ms, seen_by
from guarded_gen.review.people import Member
from guarded_gen.store.tables.review import Exposure, GoldenCase, ReviewCase, ReviewVerdict
from media.hashing import MATCH_DISTANCE, distance, from_hex

SHIFT_MS = 8 * 3_600_000
BREAK_MS = 5 * 60_000
"""A pause this long counts as a break."""
SHOWN = 20
LOOKS_COMPARED = 2_000
"""Waiting clips, most urgent first, whose look is compared: 5 ms."""


def media_of(console: Console, case: ReviewCase) -> tuple[Path, ...]:
    """What a reviewer may look at of a case, while it exists here or in the shared storage.

    Of a held clip its private draft; of a held prompt or reference every file that the clip is
    to be made from, since one approval lets all of them pass.
    """
    if case.kind == "golden":
        return console.golden.media(case)
    return console.held_files.of(case)


def exposure(console: Console, who: Member) -> dict[str, Any]:
    """Seconds of media this person revealed in this shift, and whether a break is due."""
    with console.store.read() as session:
        rows = session.execute(
            select(Exposure.at, Exposure.seconds, Exposure.restricted)
            .where(Exposure.person == who.id, Exposure.at > now_ms() - SHIFT_MS)
            .order_by(Exposure.at)
        ).all()
    limits, last, since_break = console.limits, 0, 0.0
    for at, seconds, _ in rows:
        since_break = seconds if at - last > BREAK_MS else since_break + seconds
        last = at
    if now_ms() - last > BREAK_MS:
        since_break = 0.0
    total = float(sum(row.seconds for row in rows))
    share = min(1.0, total / limits.shift_exposure)
    gravest = float(sum(row.seconds for row in rows if row.restricted))
    return {
        "restricted": gravest,
        "restricted_budget": limits.shift_exposure_restricted,
        "restricted_over": gravest >= limits.shift_exposure_restricted,
        "seconds": total,
        "budget": limits.shift_exposure,
        "share": share,
        "over": share >= 1,
        "break": since_break >= limits.break_every,
    }


def related(console: Console, who: Member, case: ReviewCase) -> dict[str, Any]:
    """The subject's earlier cases with strikes, and open cases with the same words or look, as
    far as the person may know of them."""
    with console.store.read() as session:
        others = [
            ReviewCase.tenant == case.tenant,
            ReviewCase.id != case.id,
            ReviewCase.kind != "golden",
            *seen_by(who),
        ]
        if case.source is not None:  # its original would give the answer away
            golden = session.get(GoldenCase, case.source)
            others.append(ReviewCase.id != (golden.case if golden else ""))
        history = (
            list(
                session.scalars(
                    select(ReviewCase)
                    .where(ReviewCase.subject == case.subject, *others)
                    .order_by(ReviewCase.opened_at.desc())
                    .limit(SHOWN)
                )
            )
            if case.subject
            else []
        )
        words = (
            list(
                session.scalars(
                    select(ReviewCase)
                    .where(ReviewCase.cluster == case.cluster, *others)
                    .order_by(ReviewCase.opened_at.desc())
                    .limit(console.limits.bulk)
                )
            )
            if case.cluster
            else []
        )
        look = _same_look(session, who, case) if case.look else []
    return {
        "history": history,
        "strikes": console.services.strikes(case.tenant, case.subject) if case.subject else 0,
        "words": words,
        "open_words": [c for c in words if c.state == "open"],
        "open_look": look,
    }


def _same_look(session: Session, who: Member, case: ReviewCase) -> list[ReviewCase]:
    """Open cases whose middle frame is within PDQ's usual limit of this one's."""
    rows = session.execute(
        select(ReviewCase.id, ReviewCase.look)
        .where(
            ReviewCase.state == "open",
            ReviewCase.stage == case.stage,
            ReviewCase.tenant == case.tenant,
            ReviewCase.look.is_not(None),
            ReviewCase.kind != "golden",
            ReviewCase.id != case.id,
            *seen_by(who),
        )
        .order_by(ReviewCase.rank.desc())
        .limit(LOOKS_COMPARED)
    ).all()
    if not rows or case.look is None:
        return []
    hashes = np.stack([from_hex(str(look)) for _, look in rows])
    near = distance(hashes, from_hex(case.look)) <= MATCH_DISTANCE
    ids = [row[0] for row, alike in zip(rows, near.tolist(), strict=True) if alike]
    return list(session.scalars(select(ReviewCase).where(ReviewCase.id.in_(ids[:500]))))


def verdicts(console: Console, case: ReviewCase) -> list[ReviewVerdict]:
    """What was said of a case so far."""
    # a second reviewer must not see what the first one said: agreement would be copying
    if notes.blind(case):
        return []
    with console.store.read() as session:
        return list(
            session.scalars(
                select(ReviewVerdict)
                .where(ReviewVerdict.case == case.id)
                .order_by(ReviewVerdict.created_at)
            )
        )


def appealed(console: Console, who: Member, case: ReviewCase) -> dict[str, Any] | None:
    """What an appeal is against: the steps until then, and the notes of the first case."""
    if case.kind != "appeal":
        return None
    with console.store.read() as session:
        first = session.scalar(
            select(ReviewCase).where(
                ReviewCase.decision == case.decision,
                ReviewCase.kind.not_in(("appeal", "golden")),
                *seen_by(who),
            )
        )
    return {
        "steps": console.appeals.happened(case.decision),
        "case": first,
        "verdicts": verdicts(console, first) if first is not None else [],
        "notes": thread(console, who, first) if first is not None else [],
    }


def thread(console: Console, who: Member, case: ReviewCase) -> list[dict[str, Any]]:
    """The notes of a case as the person may read them now; each reading is on record."""
    with console.store.read() as session:
        rows = notes.thread(session, case, who)
    return [
        {
            "person": row.person,
            "kind": row.kind,
            "at": row.at,
            "entry": row.entry,
            "text": console.secret(who, row.entry, f"case {case.id}").get("note"),
        }
        for row in rows
    ]


def rule_text(console: Console, case: ReviewCase) -> dict[str, Any] | None:
    """The rule that asked for a person, as the policies of this server have it."""
    plan = console.services.rollout.plan()
    every = [console.services.policy, *([plan.canary[0]] if plan.canary else []), *plan.shadows]
    policy = next((p for p in every if p.digest == case.policy_digest), console.services.policy)
    for rule in policy.rules:
        if rule.id == case.rule:
            return {
                "id": rule.id,
                "category": rule.category,
                "action": rule.action.value,
                "reason": rule.reason,
                "description": rule.description,
                "at_least": rule.at_least,
                "between": rule.between,
                "when": rule.when,
                "same_policy": policy.digest == case.policy_digest,
            }
    return None
