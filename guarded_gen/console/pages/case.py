"""One case: what is known before anything is seen, then a decision.

Least exposure first: no frame is shown before the reviewer asks for it, and what was shown is
counted. Everything that a page shows of a subject's words is on record as read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.casefile import (
    appealed,
    exposure,
    media_of,
    related,
    rule_text,
    thread,
    verdicts,
)
from guarded_gen.console.context import Console, console_of, seconds_of
from guarded_gen.console.language import language_of
from guarded_gen.console.pages.media import LOOKS, NOMINAL_LOOK, opened
from guarded_gen.console.pages.queue import kept, onward, within_of
from guarded_gen.console.render import page
from guarded_gen.console.session import Session
from guarded_gen.errors import GuardedGenError, InvalidInput
from guarded_gen.review import notes
from guarded_gen.review.decide import reasons_of
from guarded_gen.review.errors import LeaseLost, NotAllowed, StaleCase
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.review.translation import Translation, TranslationError
from guarded_gen.store.tables.review import ReviewCase

router = APIRouter(prefix="/console/cases")
_NO_DETAILS: dict[str, Any] = {
    "scores": {},
    "segments": {},
    "missing": (),
    "not_assessed": (),
    "due_at": None,
}


@router.get("/{id}")
def show(request: Request, id: str) -> Response:
    console = console_of(request)
    return _page(request, console, console.session(request), id, request.query_params)


def _page(
    request: Request,
    console: Console,
    session: Session,
    id: str,
    given: Mapping[str, str],
    failed: GuardedGenError | None = None,
    translated: Translation | None = None,
) -> Response:
    """A case as it is now. ``given`` are the fields of an address or of a form that did not work
    (``failed``) or stayed here: what was typed is there again."""
    who = session.who
    case = console.queue.get(who, id)
    holds = _holds(console, who, case)
    readable = _readable(console, who, case)
    untranslated = failed if isinstance(failed, TranslationError) else None
    if case.restricted:
        opened(console, who, case, "page")
    prompt = console.words(who, case.decision, f"case {case.id}") if readable else None
    offered = bool(prompt) and console.translations.offered(who, case)
    chosen = within_of(given)
    return page(
        request,
        "case.html",
        {
            "case": case,
            "details": {**_NO_DETAILS, **case.details},
            "missing": _by_reason(case.details.get("missing", ())),
            "unassessed": _by_reason(case.details.get("not_assessed", ())),
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
            "notes": thread(console, who, case),
            "may_note": notes.may_write(case, who),
            "appealed": appealed(console, who, case),
            "actions": console.actions.offered(who, case),
            "rule_text": rule_text(console, case),
            "look": _look({} if case.restricted else session.preferences),
            "failed": None if untranslated else failed,
            "untranslated": untranslated,
            "translation": translated if readable else None,
            "translator": console.translations.settings.host if offered else None,
            "typed": {name: given.get(name, "") for name in ("note", "reason")},
            "within": urlencode(kept(chosen)),
            "working_on": kept(chosen),
        },
        status=failed.http_status if failed is not None else 200,
    )


def _holds(console: Console, who: Member, case: ReviewCase) -> bool:
    return case.holder == who.id and case.lease_until > console.queue.clock()


def _readable(console: Console, who: Member, case: ReviewCase) -> bool:
    """Whether the words of a case are shown to this person now."""
    decided = case.state in ("deciding", "closed")
    return who.may(Permission.DECIDE) and (decided or _holds(console, who, case))


def _by_reason(unassessed: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Categories that were not assessed, by why: one line for each reason, not for each."""
    found: dict[str, list[str]] = {}
    for one in unassessed:
        names = found.setdefault(one["reason"], [])
        if one["category"] not in names:
            names.append(one["category"])
    return found


def _statement(console: Console, who: Member, case: ReviewCase) -> str | None:
    """What the one who appealed wrote; read on record."""
    entry = case.details.get("statement")
    return console.secret(who, str(entry), f"appeal {case.id}").get("statement") if entry else None


def _look(preferences: dict[str, Any]) -> dict[str, bool]:
    """How media is softened; grey, blurred and small until the person says otherwise."""
    return {name: bool(preferences.get(name, True)) for name in LOOKS}


async def _tried(
    request: Request, id: str, work: Callable[[Console, Member, dict[str, str]], str | None]
) -> Response:
    """Do what a form of the case page asks for; where it does not work, the page again with what
    to do and with everything that was typed. ``work`` gives the address to go to, None: here."""
    console = console_of(request)
    found, fields = await console.form(request)
    try:
        where = await to_thread.run_sync(work, console, found.who, fields)
    except GuardedGenError as error:
        if not found.who.may(Permission.SEE_QUEUE):
            raise
        return await to_thread.run_sync(_page, request, console, found, id, fields, error)
    if where is None:
        return await to_thread.run_sync(_page, request, console, found, id, fields)
    return RedirectResponse(where, 303)


@router.post("/{id}/take")
async def take(request: Request, id: str) -> Response:
    """Take or renew; what was typed before a lease ran out goes on."""

    def work(console: Console, who: Member, fields: dict[str, str]) -> str | None:
        case = console.queue.take(who, id)
        typed = fields.get("note") or fields.get("reason")
        return None if typed else onward(case, within_of(fields))

    return await _tried(request, id, work)


@router.post("/{id}/decide")
async def decide(request: Request, id: str) -> Response:
    """Decide, then on to the next case; the page of the next one offers the undo."""

    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        try:
            version = int(fields.get("version", ""))
        except ValueError as error:
            raise InvalidInput("this form is broken", "decide again on this page") from error
        seconds = seconds_of(fields.get("seconds") or "0")
        action, reason = fields.get("action", ""), fields.get("reason", "")
        if action == "allow" and not reason:
            reason = "no_violation"
        done = console.decisions.decide(
            who,
            id,
            action,
            reason,
            version=version,
            note=fields.get("note", ""),
            seconds=min(seconds, 86_400.0),
        )
        chosen = within_of(fields)
        following = console.queue.next(who, chosen)
        said = "second" if done.waits_for_second else "decided"
        return onward(following, chosen, said=said, undo=id)

    return await _tried(request, id, work)


@router.post("/{id}/undo")
async def undo(request: Request, id: str) -> Response:
    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        console.decisions.undo(who, id)
        return onward(console.queue.get(who, id), within_of(fields), said="undone")

    return await _tried(request, id, work)


@router.post("/{id}/leave")
async def leave(request: Request, id: str) -> Response:
    """Skip, put aside, escalate, or ask for a second person; a note goes with each."""

    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        following, chosen = None, within_of(fields)
        how, note = fields.get("how", ""), fields.get("note", "")
        if how in ("skip", "hold"):
            note = notes.worded(note)
            console.queue.give_back(who, id, hold=how == "hold")
            if note:
                notes.add(console.log, who, id, note, console.queue.clock)
            following = console.queue.next(who, chosen, after=id)
        elif how in ("second", "escalate"):
            console.decisions.ask_second(who, id, note, escalate=how == "escalate")
            following = console.queue.next(who, chosen)
        else:
            raise InvalidInput("this is no way to leave a case", "skip, hold, second or escalate")
        return onward(following, chosen, said="asked_second" if how == "second" else how)

    return await _tried(request, id, work)


@router.post("/{id}/note")
async def note(request: Request, id: str) -> Response:
    """Add a remark to the case's thread and stay."""

    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        notes.add(console.log, who, id, fields.get("note", ""), console.queue.clock)
        case = console.queue.get(who, id)
        return onward(case, within_of(fields), said="noted") + "#thread"

    return await _tried(request, id, work)


@router.post("/{id}/translate")
async def translate(request: Request, id: str) -> Response:
    """Have the words translated into the reader's language, and stay with what was typed."""
    console = console_of(request)
    found, fields = await console.form(request)
    who, target = found.who, language_of(request).code

    def admitted() -> str:
        case = console.queue.get(who, id)
        who.require(Permission.DECIDE)
        if not _readable(console, who, case):
            raise LeaseLost("you do not hold this case", "take it first")
        console.translations.require(who, case)  # before the words are read on record
        words = console.words(who, case.decision, f"case {case.id}") or {}
        text = str(words.get("prompt") or "")
        console.translations.admit(who, case, text, target)
        return text

    failed, made = None, None
    try:
        text = await to_thread.run_sync(admitted)
        # awaited, not in a thread: a service that hangs keeps nobody else waiting
        made = await console.translations.translate(text, target)
    except GuardedGenError as error:
        if not who.may(Permission.SEE_QUEUE):
            raise
        failed = error
    return await to_thread.run_sync(_page, request, console, found, id, fields, failed, made)


@router.post("/{id}/assign")
async def assign(request: Request, id: str) -> Response:
    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        console.queue.assign(who, id, fields.get("to") or None)
        return onward(console.queue.get(who, id), within_of(fields), said="assigned")

    return await _tried(request, id, work)


@router.post("/{id}/action")
async def action(request: Request, id: str) -> Response:
    """Run one of the platform's own actions and stay."""

    def work(console: Console, who: Member, fields: dict[str, str]) -> str:
        console.actions.run(who, id, fields.get("action", ""))
        return onward(console.queue.get(who, id), within_of(fields), said="acted")

    return await _tried(request, id, work)


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
