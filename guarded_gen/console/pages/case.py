"""One case: what is known before anything is seen, then a decision.

Least exposure first: no frame is shown before the reviewer asks for it, and what was shown is
counted. Everything that a page shows of a subject's words is on record as read.
"""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.casefile import exposure, media_of, related, rule_text, verdicts
from guarded_gen.console.context import Console, console_of, seconds_of
from guarded_gen.console.pages.media import LOOKS, NOMINAL_LOOK, opened
from guarded_gen.console.render import page
from guarded_gen.errors import InvalidInput
from guarded_gen.review.decide import reasons_of
from guarded_gen.review.errors import LeaseLost, NotAllowed, StaleCase
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import ReviewCase

router = APIRouter(prefix="/console/cases")
_NO_DETAILS: dict[str, Any] = {"scores": {}, "segments": {}, "missing": (), "not_assessed": ()}


@router.get("/{id}")
def show(request: Request, id: str) -> Response:
    console = console_of(request)
    session = console.session(request)
    who = session.who
    case = console.queue.get(who, id)
    holds = case.holder == who.id and case.lease_until > console.queue.clock()
    if case.restricted:
        opened(console, who, case, "page")
    prompt = None
    if who.may(Permission.DECIDE) and (holds or case.state in ("deciding", "closed")):
        prompt = console.words(who, case.decision, f"case {case.id}")
    return page(
        request,
        "case.html",
        {
            "case": case,
            "details": {**_NO_DETAILS, **case.details},
            "holds": holds,
            "prompt": prompt,
            "statement": _statement(console, who, case) if holds else None,
            "reveal": request.query_params.get("reveal") == "1" and holds,
            "nominal": NOMINAL_LOOK,
            "has_media": bool(media_of(console, case)),
            "reasons": reasons_of(case),
            "names": console.names(),
            "now": console.queue.clock(),
            "exposure": exposure(console, who),
            "limits": console.limits,
            "related": related(console, who, case),
            "verdicts": verdicts(console, case),
            "rule_text": rule_text(console, case),
            "look": _look({} if case.restricted else session.preferences),
        },
    )


def _statement(console: Console, who: Member, case: ReviewCase) -> str | None:
    """What the one who appealed wrote; read on record."""
    entry = case.details.get("statement")
    return console.secret(who, str(entry), f"appeal {case.id}").get("statement") if entry else None


def _look(preferences: dict[str, Any]) -> dict[str, bool]:
    """How media is softened; grey, blurred and small until the person says otherwise."""
    return {name: bool(preferences.get(name, True)) for name in LOOKS}


@router.post("/{id}/take")
async def take(request: Request, id: str) -> Response:
    console = console_of(request)
    found, _ = await console.form(request)
    await to_thread.run_sync(console.queue.take, found.who, id)
    return RedirectResponse(f"/console/cases/{id}", 303)


@router.post("/{id}/decide")
async def decide(request: Request, id: str) -> Response:
    """Decide, then on to the next case; the page of the next one offers the undo."""
    console = console_of(request)
    found, fields = await console.form(request)
    try:
        version = int(fields.get("version", ""))
    except ValueError as error:
        raise InvalidInput("this form is broken", "open the case again") from error
    seconds = seconds_of(fields.get("seconds") or "0")
    action, reason = fields.get("action", ""), fields.get("reason", "")
    if action == "allow" and not reason:
        reason = "no_violation"

    def work() -> str:
        done = console.decisions.decide(
            found.who,
            id,
            action,
            reason,
            version=version,
            note=fields.get("note", ""),
            seconds=min(seconds, 86_400.0),
        )
        following = console.queue.next(found.who)
        said = "second" if done.waits_for_second else "decided"
        where = f"/console/cases/{following.id}" if following else "/console/queue"
        return f"{where}?said={said}&undo={id}"

    return RedirectResponse(await to_thread.run_sync(work), 303)


@router.post("/{id}/undo")
async def undo(request: Request, id: str) -> Response:
    console = console_of(request)
    found, _ = await console.form(request)
    await to_thread.run_sync(console.decisions.undo, found.who, id)
    return RedirectResponse(f"/console/cases/{id}?said=undone", 303)


@router.post("/{id}/leave")
async def leave(request: Request, id: str) -> Response:
    """Skip, put aside, escalate, or ask for a second person."""
    console = console_of(request)
    found, fields = await console.form(request)
    how, note = fields.get("how", ""), fields.get("note", "")[:4000]

    def work() -> str:
        following = None
        if how in ("skip", "hold"):
            console.queue.give_back(found.who, id, hold=how == "hold")
            following = console.queue.next(found.who, after=id)
        elif how in ("second", "escalate"):
            console.decisions.ask_second(found.who, id, note, escalate=how == "escalate")
        else:
            raise InvalidInput("this is no way to leave a case", "skip, hold, second or escalate")
        where = f"/console/cases/{following.id}" if following else "/console/queue"
        return f"{where}?said={how}"

    return RedirectResponse(await to_thread.run_sync(work), 303)


@router.post("/{id}/assign")
async def assign(request: Request, id: str) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    to = fields.get("to") or None
    await to_thread.run_sync(console.queue.assign, found.who, id, to)
    return RedirectResponse(f"/console/cases/{id}?said=assigned", 303)


@router.post("/{id}/golden")
async def golden(request: Request, id: str) -> Response:
    """Make this case a golden one."""
    console = console_of(request)
    found, fields = await console.form(request)

    def work() -> None:
        case = console.queue.get(found.who, id)
        media = media_of(console, case)
        console.golden.make(found.who, id, fields.get("expected", ""), media)

    await to_thread.run_sync(work)
    return RedirectResponse(f"/console/cases/{id}?said=golden", 303)


@router.post("/{id}/bulk")
async def bulk(request: Request, id: str) -> Response:
    """Decide all open cases with the same words, or the same look; each becomes a verdict of
    its own."""
    console = console_of(request)
    found, fields = await console.form(request)
    by = "open_look" if fields.get("by") == "look" else "open_words"
    action, reason = fields.get("action", ""), fields.get("reason", "")
    if action == "allow" and not reason:
        reason = "no_violation"

    def work() -> int:
        same = related(console, found.who, console.queue.get(found.who, id))[by]
        if fields.get("count") != str(len(same)):
            raise InvalidInput(
                f"{len(same)} cases are alike now, not {fields.get('count')}",
                "look at them again, then type the number",
                "count",
            )
        done = 0
        for other in same:
            try:
                taken = console.queue.take(found.who, other.id)
                console.decisions.decide(
                    found.who,
                    other.id,
                    action,
                    reason,
                    version=taken.version,
                    note=fields.get("note", ""),
                )
                done += 1
            except (LeaseLost, StaleCase, NotAllowed):
                continue  # somebody else has that one; the rest goes on
        return done

    count = await to_thread.run_sync(work)
    return RedirectResponse(f"/console/cases/{id}?said=bulk-{count}", 303)
