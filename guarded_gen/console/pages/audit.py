"""The audit explorer: search, one entry with what led to it, proof, export, reproduction.

Every search and every export is an entry of the log itself.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from guarded_gen.audit import Event, LogEntry, Query
from guarded_gen.audit.dsa import statements
from guarded_gen.audit.export import ExportFormat, export
from guarded_gen.audit.reproduce import Reproduction, reproduce
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.errors import GuardedGenError, InvalidInput
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission

router = APIRouter(prefix="/console/audit")
PAGE = 50
EXPORT_MOST = 20_000
"""Entries in one export from a browser; ``guarded-gen audit export`` has no bound."""
TEXTS = ("tenant", "kind", "action", "subject", "category", "rule", "policy", "actor", "related")
FIELDS = (*TEXTS, "min_score", "max_score", "since", "until")


def given_in(fields: Mapping[str, str]) -> dict[str, str]:
    """What somebody filled in, every field present."""
    return {name: fields.get(name, "").strip()[:128] for name in FIELDS}


def query_of(console: Console, given: Mapping[str, str], limit: int | None) -> Query:
    """The search that a form asks for; raises :class:`InvalidInput` for what is no number or
    time."""
    texts = {name: given[name] or None for name in TEXTS}
    if texts["subject"] and not texts["tenant"]:
        raise InvalidInput("a subject belongs to a tenant", "name the tenant as well", "tenant")
    by_name = {name: id for id, name in console.names().items()}
    texts["actor"] = by_name.get(texts["actor"] or "", texts["actor"] or "") or None
    return Query(
        **texts,  # type: ignore[arg-type]
        min_score=_score(given["min_score"]),
        max_score=_score(given["max_score"]),
        since=_moment(given["since"]),
        until=_moment(given["until"]),
        limit=limit,
    )


def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidInput(f"{text} is no number", "a score lies between 0 and 1") from error
    if not 0 <= value <= 1:
        raise InvalidInput(f"{text} is no score", "a score lies between 0 and 1")
    return value


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text} is no time", "write it as 2026-11-21T12:00") from error
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


@router.get("")
def search(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.SEE_AUDIT)
    given = given_in(request.query_params)
    before = request.query_params.get("before", "")
    query = query_of(console, given, PAGE + 1)
    if before.isdecimal() and len(before) < 16:
        query = replace(query, before=int(before))
    asked = {name: value for name, value in given.items() if value and name != "subject"}
    if any(given.values()):
        console.log.append(
            Event(
                kind="audit.searched",
                actor=who.id,
                body={"filters": {**asked, "subject": "given"} if given["subject"] else asked},
            )
        )
    found = list(console.log.entries(query))
    entries = [entry for entry in found[:PAGE] if who.sees(entry.tenant)]
    further = found[PAGE - 1].index if len(found) > PAGE else None
    return _page(request, console, given, entries, further)


def _page(
    request: Request,
    console: Console,
    given: dict[str, str],
    entries: list[LogEntry],
    further: int | None = None,
    report: dict[str, Any] | None = None,
) -> Response:
    return page(
        request,
        "audit.html",
        {
            "entries": entries,
            "given": given,
            "filters": {name: value for name, value in given.items() if value},
            "names": console.names(),
            "further": further,
            "report": report,
            "formats": list(ExportFormat),
            "most": EXPORT_MOST,
        },
    )


@router.post("/verify")
async def verify(request: Request) -> Response:
    """Check every row, tile, signature and payload; takes seconds for each million entries."""
    console = console_of(request)
    found, _ = await console.form(request)
    found.who.require(Permission.SEE_AUDIT)
    report = await to_thread.run_sync(console.log.verify)
    body = {"ok": report.ok, "size": report.size, "problems": len(report.problems)}
    event = Event("audit.verified", "-", actor=found.who.id, body=body)
    # A log that does not verify may take no entry any more; that must not hide why.
    with suppress(GuardedGenError) if not report.ok else nullcontext():
        await to_thread.run_sync(console.log.append, event)
    return _page(request, console, dict.fromkeys(FIELDS, ""), [], report=report.to_json())


@router.post("/export")
async def take_out(request: Request) -> Response:
    """The entries that a search finds as one archive: entries, proofs, checkpoint, manifest."""
    console = console_of(request)
    found, fields = await console.form(request)
    query = replace(_own(console, found.who, fields), limit=EXPORT_MOST)
    try:
        form = ExportFormat(fields.get("format", ""))
    except ValueError as error:
        raise InvalidInput("this is no format", "csv, jsonl or parquet", "format") from error
    folder = Path(tempfile.mkdtemp(prefix="guarded-gen-export-"))

    def work() -> Path:
        export(console.log, folder / "audit", query, form, found.who.id)
        return Path(shutil.make_archive(str(folder / "audit"), "zip", folder / "audit"))

    try:
        archive = await to_thread.run_sync(work)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"audit-{form.value}.zip",
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


@router.post("/dsa")
async def dsa(request: Request) -> Response:
    """Statements of reasons for the DSA Transparency Database, of the same tenant and time."""
    console = console_of(request)
    found, fields = await console.form(request)
    asked = _own(console, found.who, fields)
    query = Query(
        tenant=asked.tenant,
        since=asked.since,
        until=asked.until,
        action="block",
        oldest_first=True,
        limit=EXPORT_MOST,
    )

    def work() -> str:
        console.log.append(
            Event(
                kind="log.exported",
                tenant=asked.tenant or "-",
                actor=found.who.id,
                body={"format": "dsa", "since": asked.since, "until": asked.until},
            )
        )
        made = list(statements(console.log.entries(query), console.log.entry))
        return json.dumps({"statements": made}, indent=2, ensure_ascii=False)

    headers = {"content-disposition": 'attachment; filename="statements-of-reasons.json"'}
    return Response(await to_thread.run_sync(work), media_type="application/json", headers=headers)


def _own(console: Console, who: Member, fields: Mapping[str, str]) -> Query:
    """What may be taken out: of a person who sees some tenants only, one of theirs."""
    who.require(Permission.SEE_AUDIT)
    query = query_of(console, given_in(fields), None)
    if who.tenants and (query.tenant is None or not who.sees(query.tenant)):
        raise NotAllowed("you see some tenants only", "search for one of them, then export")
    return query


@router.get("/{id}")
def entry(request: Request, id: str) -> Response:
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.SEE_AUDIT)
    return _entry_page(request, console, _visible(console, who, id))


@router.post("/{id}/reproduce")
async def again(request: Request, id: str) -> Response:
    """Decide again from the recorded signals and the kept policy; must be the same, byte by
    byte."""
    console = console_of(request)
    found, _ = await console.form(request)
    found.who.require(Permission.SEE_AUDIT)
    entry = _visible(console, found.who, id)

    def work() -> Reproduction:
        with console.log.reading() as connection:
            return reproduce(connection, entry)

    return _entry_page(request, console, entry, await to_thread.run_sync(work))


def _entry_page(
    request: Request, console: Console, entry: LogEntry, reproduced: Reproduction | None = None
) -> Response:
    return page(
        request,
        "entry.html",
        {
            "entry": entry,
            "text": json.dumps(entry.to_json(), indent=2, ensure_ascii=False),
            "led": _led_to(console, entry.related),
            "followed": list(console.log.entries(Query(related=entry.id, limit=20))),
            "proof": proof_text(console, entry.index),
            "names": console.names(),
            "reproducible": "signals" in entry.body and entry.decision is not None,
            "reproduced": reproduced,
        },
    )


@router.get("/{id}/proof")
def proof(request: Request, id: str) -> Response:
    """The offline proof, as a file that ``guarded-gen audit check-proof`` takes."""
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.SEE_AUDIT)
    found = _visible(console, who, id)
    headers = {"content-disposition": f'attachment; filename="{found.id}.tlog-proof"'}
    return Response(proof_text(console, found.index), media_type="text/plain", headers=headers)


def proof_text(console: Console, index: int) -> str:
    """The entry's C2SP tlog-proof against the newest checkpoint."""
    return console.log.proof(index).encode()


def _visible(console: Console, who: Member, id: str) -> LogEntry:
    found = console.log.entry(id)
    if not who.sees(found.tenant):
        return console.log.entry("")  # raises NotFound, as for an entry that is not there
    return found


def _led_to(console: Console, related: str | None) -> list[LogEntry]:
    """Earlier entries, back along ``related``, at most twenty."""
    chain: list[LogEntry] = []
    while related and len(chain) < 20:
        try:
            found = console.log.entry(related)
        except GuardedGenError:
            break
        chain.append(found)
        related = found.related
    return chain
