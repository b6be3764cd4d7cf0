"""What is happening: volume, queue age, what was not assessed, versions, health."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.responses import Response

from guarded_gen.audit import Query
from guarded_gen.console.charts import bars
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.review.cases import WAITING, seen_by
from guarded_gen.review.people import Member
from guarded_gen.store.tables.jobs import Job, Worker
from guarded_gen.store.tables.review import ReviewCase
from policies.rollout import RolloutState

router = APIRouter(prefix="/console")
WINDOW_MS = 24 * 3_600_000
SAMPLE = 2_000
"""Decisions read for the charts; the page says so when there were more."""
WORKER_ALIVE_MS = 30_000
ACTING = (RolloutState.SHADOW, RolloutState.CANARY, RolloutState.ACTIVE)


@router.get("")
def home(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    since = int(time.time() * 1000) - WINDOW_MS
    actions: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    unassessed: Counter[str] = Counter()
    read = 0
    for entry in console.log.entries(Query(since=since, limit=SAMPLE)):
        if entry.decision is None or not who.sees(entry.tenant):
            continue
        read += 1
        taken = entry.decision
        actions[str(taken.get("action"))] += 1
        for match in taken.get("trace", ()):
            categories[str(match.get("category"))] += 1
        for missing in (*taken.get("missing", ()), *taken.get("not_assessed", ())):
            unassessed[f"{taken.get('stage')}: {missing['category']} ({missing['reason']})"] += 1
    return page(
        request,
        "home.html",
        {
            "read": read,
            "capped": read >= SAMPLE,
            "actions": actions,
            "action_chart": bars(
                [(name, actions[name]) for name in ("allow", "review", "block")], "Decisions"
            ),
            "categories": categories.most_common(12),
            "category_chart": bars(categories.most_common(12), "Rules matched by category"),
            "unassessed": unassessed.most_common(12),
            "queue": _queue_age(console, who),
            "health": _health(console),
        },
    )


def _queue_age(console: Console, who: Member) -> dict[str, Any]:
    with console.store.read() as session:
        oldest = [  # one look into the index for each state
            session.scalar(
                select(func.min(ReviewCase.opened_at)).where(
                    ReviewCase.state == state, *seen_by(who)
                )
            )
            for state in WAITING
        ]
        count = session.scalar(
            select(func.count())
            .select_from(ReviewCase)
            .where(ReviewCase.state.in_(WAITING), *seen_by(who))
        )
    known = [at for at in oldest if at is not None]
    return {"oldest": min(known) if known else None, "count": count or 0}


def _health(console: Console) -> dict[str, Any]:
    now = int(time.time() * 1000)
    services = console.services
    with console.store.read() as session:
        workers = list(session.scalars(select(Worker).order_by(Worker.started_at)))
        open_jobs = session.execute(
            select(Job.status, func.count())
            .where(Job.status.in_(("queued", "in_progress")))
            .group_by(Job.status)
        ).all()
    leaf = services.identity.leaf
    return {
        "workers": [(w, now - w.heartbeat_at < WORKER_ALIVE_MS) for w in workers],
        "jobs": {row[0]: row[1] for row in open_jobs},
        "policy": services.policy,
        "rollout": [s for s in services.rollout.standings() if s.state in ACTING],
        "weights": services.registry.status(),
        "backend": services.generator(services.settings.backend).capabilities(),
        "signer": leaf.subject.rfc4514_string(),
        "signer_until": int(leaf.not_valid_after_utc.timestamp() * 1000),
        "log_size": console.log.snapshot().size,
    }
