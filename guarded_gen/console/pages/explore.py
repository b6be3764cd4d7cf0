"""Explore: a query in CEL over the log, counted; what it finds as rule, file or assignment.

Every query is an entry of the log itself. Whoever may not know of restricted cases gets no entry
that belongs to one, and of other tenants nobody gets any.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from babel.dates import format_datetime
from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, RedirectResponse, Response

from guarded_gen.audit import LogEntry
from guarded_gen.audit.export import ExportFormat
from guarded_gen.console.charts import bars, columns
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.language import N_, PageLanguage, language_of
from guarded_gen.console.pages.policy import check_text, text_of, workbench
from guarded_gen.console.render import page
from guarded_gen.console.wording import ACTIONS, Wording
from guarded_gen.errors import InvalidInput
from guarded_gen.governance.explore import (
    DAY_MS,
    DIMENSIONS,
    Asked,
    Bounds,
    Exploration,
    explore,
    matches,
    recorded,
    take_out,
)
from guarded_gen.governance.log_query import ENTRIES, LogQuery
from guarded_gen.governance.rule_draft import drafted, with_rule
from guarded_gen.review.cases import WAITING, seen_by
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.knowing import knows_of
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import Person, ReviewCase

router = APIRouter(prefix="/console/explore")
DAYS = (1, 7, 30, 90)
TOP = 10
"""Names of each dimension on the page."""
ASSIGN_MOST = 200
"""Cases that are assigned together."""
NARROWING = {"rule", "category", "reason", "tenant", "subject", "jurisdiction", "stage", "kind"}
"""Dimensions whose names can be added to the query; each is a name of it."""
PERSONAL = frozenset({"subject", "actor"})
"""What only whoever may see the log asks for and sees."""
TITLES = {
    "rule": N_("Rule that decided"),
    "category": N_("Category of that rule"),
    "reason": N_("Reason"),
    "tenant": N_("Tenant"),
    "subject": N_("Subject, by pseudonym"),
    "jurisdiction": N_("Jurisdiction"),
    "stage": N_("Stage"),
    "not_assessed": N_("Checks that did not run"),
    "kind": N_("Kind of entry"),
}
EXAMPLES = (
    'action == "block" && stage == "prompt"',
    'scores["violence"] >= 0.4 && action == "allow"',
    '"sexual" in missing',
    'jurisdiction == "DE" && strikes >= 2',
)


class Busy(NotAllowed):
    """Too many queries are read at the same time."""

    code = "too_many_at_once"
    http_status = 429


@router.get("")
def show(request: Request) -> Response:
    console = console_of(request)
    who = _reader(console.who(request))
    fields = request.query_params
    answer = None
    if "q" in fields:
        asked = asked_in(who, fields)
        recorded(console.log, asked, who.id)
        with reading(console, who) as sees:
            answer = explore(console.log, asked, bounds_of(console), sees)
    text = answer.asked.query.text if answer is not None else fields.get("q", "")
    values = {} if answer is None else _shown(language_of(request), who, answer)
    with console.store.read() as session:
        people = session.execute(
            select(Person.id, Person.name).where(Person.active).order_by(Person.name)
        ).all()
    return page(
        request,
        "explore.html",
        values
        | {
            "text": text,
            "days": fields.get("days", str(DAYS[1])),
            "everything": bool(fields.get("everything")),
            "answer": answer,
            "narrowed": lambda name, value: narrowed(text, name, value),
            "narrowing": NARROWING,
            "periods": DAYS,
            "names": sorted(ENTRIES.types),
            "examples": EXAMPLES,
            "formats": list(ExportFormat),
            "bounds": bounds_of(console),
            "hides": not who.may(Permission.SEE_RESTRICTED),
            "people": people,
            "assign_most": ASSIGN_MOST,
        },
    )


def _shown(here: PageLanguage, who: Member, answer: Exploration) -> dict[str, Any]:
    """The answer as charts and rows."""
    form = "d MMM" if answer.step >= DAY_MS else "d MMM HH:mm"
    points = [
        (format_datetime(datetime.fromtimestamp(at / 1000, UTC), form, locale=here.locale), counts)
        for at, counts in answer.whole_series()
    ]
    word = Wording(here).value
    actions = [name for name, _ in answer.actions.most_common()]
    say = {name: here.gettext(ACTIONS.get(name, name)) for name in actions}
    shown = [d for d in DIMENSIONS if d not in PERSONAL or who.may(Permission.SEE_AUDIT)]
    tops = [(d, TITLES[d], found) for d in shown if (found := answer.top[d].most_common(TOP))]
    return {
        "chart": columns(points, here.gettext(N_("Entries that fit, over time, by action")), say),
        "rows": [(at, [counts[name] for name in actions]) for at, counts in points if counts],
        "action_names": actions,
        "tops": [
            (d, title, found, bars(here, [(word(d, v), n) for v, n in found], here.gettext(title)))
            for d, title, found in tops
        ],
    }


def narrowed(text: str, name: str, value: str) -> str:
    """The query that asks besides for one value of a dimension."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    one = f"{name} == {quoted}"
    if not text:
        return one
    return (
        f"({text}\n) && {one}"
        if "||" in text or "?" in text or "//" in text
        else (f"{text} && {one}")
    )


def asked_in(who: Member, fields: Mapping[str, str]) -> Asked:
    """What a form asks; raises :class:`InvalidInput`, and :class:`NotAllowed` for names that are
    for whoever may see the log."""
    query = LogQuery.read(fields.get("q", "").replace("\r\n", "\n"))
    personal = PERSONAL & (query.condition.variables if query.condition else frozenset())
    if personal and not who.may(Permission.SEE_AUDIT):
        raise NotAllowed(
            f"you may not ask for {', '.join(sorted(personal))}", "leave it out of the query"
        )
    if fields.get("days", "") not in map(str, DAYS):
        raise InvalidInput("this is no period", f"{', '.join(map(str, DAYS))} days", "days")
    now = time.time_ns() // 1_000_000
    since = now - int(fields["days"]) * DAY_MS
    return Asked(query, since, now + 1, bool(fields.get("everything")))


def bounds_of(console: Console) -> Bounds:
    audit = console.services.settings.audit
    return Bounds(audit.explore_entries, audit.explore_seconds)


@contextmanager
def reading(console: Console, who: Member) -> Iterator[Callable[[LogEntry], bool]]:
    """One of the few queries at a time; gives which entries this person may know of."""
    # Not waited for: that would hold a thread that others need.
    if not console.exploring.acquire(blocking=False):
        raise Busy("others are asking the log now", "try again in some seconds")
    try:
        with console.store.read() as session:
            sees = knows_of(session, who)
        yield sees
    finally:
        console.exploring.release()


def _reader(who: Member) -> Member:
    if not who.may(Permission.EDIT_POLICY):
        who.require(Permission.SEE_AUDIT)
    return who


@router.post("/rule")
async def rule(request: Request) -> Response:
    """The query as a rule of the active policy, in the workbench; nothing is kept yet."""
    console = console_of(request)
    found, fields = await console.form(request)
    who = found.who
    who.require(Permission.EDIT_POLICY)
    asked = asked_in(who, fields)

    def work() -> Exploration:
        with reading(console, who) as sees:
            return explore(console.log, asked, bounds_of(console), sees)

    answer = await to_thread.run_sync(work)
    draft = drafted(asked.query, answer, console.services.policy)
    text = with_rule(text_of(console, ""), draft)
    filled = {"text": text, "rule": draft.id, "threshold": f"{draft.at_least:g}"}
    filled |= {"days": "7", "against": "active"}
    checked = await to_thread.run_sync(check_text, text, console.services.rollout)
    return workbench(request, console, filled, {**checked, "drafted": draft})


@router.post("/export")
async def export(request: Request) -> Response:
    """The entries that the query finds, as one file."""
    console = console_of(request)
    found, fields = await console.form(request)
    who = found.who
    who.require(Permission.SEE_AUDIT)
    asked = asked_in(who, fields)
    try:
        form = ExportFormat(fields.get("format", ""))
    except ValueError as error:
        raise InvalidInput("this is no format", "csv, jsonl or parquet", "format") from error
    folder = Path(tempfile.mkdtemp(prefix="guarded-gen-explore-"))
    target = folder / f"entries.{form.value}"

    def work() -> None:
        with reading(console, who) as sees:
            take_out(console.log, asked, bounds_of(console), sees, form, target, who.id)

    try:
        await to_thread.run_sync(work)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        target,
        filename=target.name,
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


@router.post("/assign")
async def assign(request: Request) -> Response:
    """Give the waiting cases of what the query finds to one person, at most
    :data:`ASSIGN_MOST`."""
    console = console_of(request)
    found, fields = await console.form(request)
    who = found.who
    who.require(Permission.SEE_AUDIT)
    who.require(Permission.ASSIGN)
    asked = replace(asked_in(who, fields), everything=False)
    to = fields.get("to") or None

    def work() -> None:
        with console.store.read() as session:
            person = session.get(Person, to) if to else None
        if to and (person is None or not person.active):
            raise InvalidInput("this person is not there any more", "choose again", "to")
        with reading(console, who) as sees:
            answer = Exploration(asked)
            ids = [e.id for e in matches(console.log, asked, bounds_of(console), answer, sees)]
        for case in _waiting(console, who, ids):
            console.queue.assign(who, case, to)

    await to_thread.run_sync(work)
    return RedirectResponse("/console/queue?said=assigned", 303)


def _waiting(console: Console, who: Member, decisions: list[str]) -> list[str]:
    """The waiting cases of these decisions that the person may know of."""
    found: list[str] = []
    with console.store.read() as session:
        for start in range(0, len(decisions), ASSIGN_MOST):
            query = select(ReviewCase.id).where(
                ReviewCase.decision.in_(decisions[start : start + ASSIGN_MOST]),
                ReviewCase.state.in_(WAITING),
                ReviewCase.kind != "golden",
                *seen_by(who),
            )
            found += session.scalars(query.order_by(ReviewCase.id))
            if len(found) >= ASSIGN_MOST:
                break
    return found[:ASSIGN_MOST]
