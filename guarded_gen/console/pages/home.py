"""What is happening: volume, queue age, what was not assessed, versions, health."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import and_, func, or_, select
from starlette.responses import Response

from guarded_gen.console.casefile import SHIFT_MS, exposure
from guarded_gen.console.charts import bars
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.day import LISTED, WINDOW_MS, day_of, effects, log_health
from guarded_gen.console.language import language_of
from guarded_gen.console.render import page
from guarded_gen.console.session import living
from guarded_gen.console.wording import ACTIONS, Wording
from guarded_gen.review import routing, workload
from guarded_gen.review.cases import WAITING, seen_by
from guarded_gen.review.people import Member
from guarded_gen.review.quality import quality
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.jobs import Job, Worker
from guarded_gen.store.tables.review import Person, PolicyRequest, ReviewCase, ReviewVerdict
from policies.rollout import RolloutState

router = APIRouter(prefix="/console")
MINE = 20
"""Cases of one's own that are listed."""
WORKER_ALIVE_MS = 30_000
ACTING = (RolloutState.SHADOW, RolloutState.CANARY, RolloutState.ACTIVE)


@router.get("")
def home(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    day = day_of(console, who)
    categories = day.categories.most_common(LISTED)
    language = language_of(request)
    said, title = language.gettext, Wording(language).title
    return page(
        request,
        "home.html",
        {
            "read": day.decisions,
            "capped": day.capped,
            "actions": day.actions,
            "action_chart": bars(
                language,
                [(said(ACTIONS[name]), day.actions[name]) for name in ("allow", "review", "block")],
                said("Decisions"),
            ),
            "categories": categories,
            "category_chart": bars(
                language,
                [(title(name), n) for name, n in categories],
                said("Rules matched by category"),
            ),
            "unassessed": day.unassessed.most_common(LISTED),
            "effects": effects(console, who, day),
            "log": log_health(console, who, day),
            "queue": _queue_age(console, who),
            "mine": _mine(console, who),
            "lead": _lead(console, who),
            "waiting_policies": _waiting_policies(console, who),
            "people": _people(console, who),
            "health": _health(console),
        },
    )


def _mine(console: Console, who: Member) -> dict[str, Any] | None:
    """Of somebody who decides: what is theirs, what they did and saw in this shift."""
    if not who.may(Permission.DECIDE):
        return None
    now = console.queue.clock()
    with console.store.read() as session:
        held = session.scalars(
            select(ReviewCase)
            .where(
                ReviewCase.state.in_(WAITING),
                or_(
                    and_(ReviewCase.holder == who.id, ReviewCase.lease_until > now),
                    and_(ReviewCase.assignee == who.id, ReviewCase.kind != "golden"),
                ),
                *seen_by(who),
            )
            .order_by(ReviewCase.rank.desc())
            .limit(MINE)
        ).all()
        decided = session.scalar(
            select(func.count()).where(
                ReviewVerdict.person == who.id,
                ReviewVerdict.created_at > now - SHIFT_MS,
                ReviewVerdict.undone.is_(False),
            )
        )
    return {"cases": held, "decided": decided or 0, "exposure": exposure(console, who)}


def _lead(console: Console, who: Member) -> dict[str, Any] | None:
    """Of somebody who assigns: how old and how late each queue is, and whether people agree."""
    if not who.may(Permission.ASSIGN):
        return None
    now = console.queue.clock()
    with console.store.read() as session:
        titles = {queue.name: queue.title for queue in routing.queues(session)}
        loads = workload.by_queue(session, who, now)
        figures = quality(session, now - 7 * WINDOW_MS, now)
    return {"titles": titles, "loads": loads, "kappa": figures.kappa}


def _waiting_policies(console: Console, who: Member) -> int | None:
    """Of somebody who publishes: how many steps of policies wait for a second person."""
    if not who.may(Permission.PUBLISH_POLICY):
        return None
    with console.store.read() as session:
        return session.scalar(
            select(func.count()).select_from(PolicyRequest).where(PolicyRequest.outcome == "open")
        )


def _people(console: Console, who: Member) -> dict[str, int] | None:
    """Of an admin: who may come in, and who is in."""
    if not who.may(Permission.MANAGE_PEOPLE):
        return None
    with console.store.read() as session:
        active = session.scalar(select(func.count()).where(Person.active))
    return {"active": active or 0, "signed_in": len({s.person for s in living(console.store)})}


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
