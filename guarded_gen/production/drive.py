"""The one driver: runs the stages that are due and writes what they gave, over any book."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol, assert_never

from guarded_gen.audit import Transaction
from guarded_gen.gates.gate import GateResult
from guarded_gen.production import events
from guarded_gen.production.line import Line, Queue, Standing
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.rows import END_USER
from guarded_gen.production.stage import Done, Held, KnownAgain, Refused, Result, Stage
from guarded_gen.production.work import Gated, Judged, Output, Recorded, Work
from guarded_gen.review import looks, resemblance, strikes
from guarded_gen.review.held import hold, refused
from guarded_gen.store.tables.jobs import Job
from policies.decision import Action


class Record(Protocol):
    """One job as its book keeps it."""

    @property
    def work(self) -> Work: ...

    def run(self, stage: Stage) -> Result:
        """Run a stage; how often it is tried is the book's affair."""
        ...

    def write(self, stage: Stage, result: Result, seconds: float, following: str) -> None:
        """Keep the result with its entries in one transaction, and bring ``work`` up to date.

        ``following`` is the stage that comes next once nothing holds the job any more.
        """
        ...


def drive(line: Line, record: Record, queue: Queue | None = None) -> Standing | Queue:
    """Run what is due, up to a stage of another queue (then that queue is returned).

    ``queue`` None: run the stages of every queue. Raises what a stage or the book raises.
    """
    while True:
        due = line.due(record.work)
        if isinstance(due, Standing):
            return due
        wanted = line.plan.at(due.name).queue
        if queue is not None and wanted is not None and wanted is not queue:
            return wanted
        started = time.monotonic()
        result = record.run(due)
        work = record.work
        following = line.plan.following(work.request, {*work.outputs, due.name})
        record.write(due, result, time.monotonic() - started, following)


def read_outputs(line: Line, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Output]:
    """What a book kept, typed. Raises :class:`~guarded_gen.production.work.RecordUnreadable`."""
    # before there were versions, a gate that had nothing to judge left an empty record
    return {
        stage.name: stage.output.read(stored[stage.name])
        for stage in line.stages
        if stored.get(stage.name)
    }


def record_result(tx: Transaction, row: Job, request: ClipRequest, result: Result) -> Output:
    """Write a stage's entries and note its decisions on the row; the output with their ids.

    A held result opens its case in the same transaction. Ending a refused job is the book's.
    """
    output = result.output
    if isinstance(output, Gated):
        judged: list[Judged] = []
        for one in output.judged:
            before = last_decision(row) or request.rewrite_of
            decision = tx.append(events.decision(request, row.id, one.gate, before))
            note_decision(row, decision, one.gate)
            judged.append(Judged(gate=one.gate, decision=decision))
        output = output.model_copy(update={"judged": tuple(judged)})
    if isinstance(output, Gated) and row.details.get(END_USER):
        _note_strike(tx, request, output.judged[output.decisive])
    match result:
        case Done():
            ids = tuple(tx.append(entry(last_decision(row))) for entry in result.entries)
            return output.model_copy(update={"entries": ids})
        case Held():
            assert isinstance(output, Gated)
            decisive = output.judged[output.decisive]
            row.review = "pending"
            hold(tx, request, row.id, decisive.gate, decisive.decision, result.look)
            _note_kept(tx, request, decisive, result.kept)
            return output
        case Refused():
            if isinstance(output, Gated):
                decisive = output.judged[output.decisive]
                refused(tx, request, row.id, decisive.gate, decisive.decision)
                _note_kept(tx, request, decisive, result.kept)
            return output
        case _:
            assert_never(result)


def _note_strike(tx: Transaction, request: ClipRequest, judged: Judged) -> None:
    """What a rule refused counts against the user; what is held, once a person refuses it."""
    taken = judged.gate.decision
    if taken.action is Action.REVIEW or (taken.action is Action.BLOCK and taken.rule_id):
        user = tx.pseudonym_of(judged.decision)
        pending = taken.action is Action.REVIEW
        strikes.note(tx.session, judged.decision, request.tenant, user, pending=pending)


def _note_kept(tx: Transaction, request: ClipRequest, judged: Judged, kept: KnownAgain) -> None:
    """What a rule refused is known again, also with small changes, whoever asks."""
    taken = judged.gate.decision
    if taken.rule_id:
        where = (tx.session, judged.decision, request.tenant)
        pending = taken.action is Action.REVIEW
        resemblance.note(*where, kept.words, pending=pending)
        looks.note(*where, kept.frames, pending=pending)


def note_decision(row: Job, decision: str, result: GateResult) -> None:
    """Note a gate's outcome on the job's row: ids, action, reason; no signals, no prompt."""
    made = Recorded(
        id=decision,
        stage=result.stage.value,
        action=result.decision.action.value,
        rule_id=result.decision.rule_id,
        reason=result.decision.reason,
    )
    row.decisions = [*row.decisions, dict(made)]


def last_decision(row: Job) -> str | None:
    return str(row.decisions[-1]["id"]) if row.decisions else None
