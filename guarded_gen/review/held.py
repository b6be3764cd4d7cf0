"""From a gate's decision to the case of whoever must look at it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from guarded_gen.audit import Transaction
from guarded_gen.gates.gate import GateResult
from guarded_gen.review.cases import NewCase, is_restricted, open_case
from media.decode import decode
from media.hashing import MIN_QUALITY, pdq, to_hex

RESEMBLING_REACH = 6
"""A case whose words resemble refused ones counts as if this many people waited for it: it comes
about six hours earlier than it would."""


class HeldRequest(Protocol):
    """What a case keeps of a request: who asked, for whom, in which words."""

    @property
    def tenant(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def prompt(self) -> str: ...


def hold(
    tx: Transaction,
    request: HeldRequest,
    item: str,
    gate: GateResult,
    decision: str,
    look: str | None = None,
) -> str:
    """Open the case of a held item, in the transaction of the gate's decision.

    ``look`` is :func:`look_of` of its clip, if there is one.
    """
    return open_case(tx, _case(request, item, gate, decision, "review", look))


def refused(
    tx: Transaction, request: HeldRequest, item: str, gate: GateResult, decision: str
) -> str | None:
    """Open the case of a refused item that a rule on a restricted category refused; else None.

    The refusal stands at once. Two people then say whether it must be preserved and reported.
    """
    new = _case(request, item, gate, decision, "report", None)
    return open_case(tx, new) if is_restricted(new) else None


def _case(
    request: HeldRequest, item: str, gate: GateResult, decision: str, kind: str, look: str | None
) -> NewCase:
    taken = gate.decision
    match = next((m for m in taken.trace if m.rule_id == taken.rule_id), None)
    category = match.category if match is not None else None
    if category is None and taken.missing:
        category = taken.missing[0].category
    segments = {
        s.category: [[x.start, x.end, x.score] for x in s.segments]
        for s in gate.signals
        if s.segments
    }
    return NewCase(
        item=item,
        tenant=request.tenant,
        subject=request.subject,
        stage=taken.stage.value,
        decision=decision,
        category=category,
        rule=taken.rule_id,
        reason=taken.reason,
        policy_digest=taken.policy_digest,
        floor=taken.floor,
        kind=kind,
        cluster=cluster_of(request),
        look=look,
        reach=RESEMBLING_REACH if gate.context and gate.context.resembles_refused else 1,
        severity=next(
            (entry.get("severity") for entry in gate.own if entry["id"] == category), None
        ),
        details={
            "scores": dict(taken.scores),
            "thresholds": dict(taken.thresholds),
            "trace": [m.to_json() for m in taken.trace],
            "missing": [m.to_json() for m in taken.missing],
            "not_assessed": [m.to_json() for m in taken.not_assessed],
            "checks": gate.checks(),
            "segments": segments,
            **(
                {"resembles_refused": True}
                if gate.context and gate.context.resembles_refused
                else {}
            ),
            **({"categories": [dict(entry) for entry in gate.own]} if gate.own else {}),
        },
    )


def look_of(clip: Path, frames: int) -> str | None:
    """PDQ hash of a clip's middle frame in hex; None for a frame too plain to be told by it.

    One decoding pass up to the middle: a few milliseconds a second of video.
    """
    for batch in decode(clip):
        if batch.index + len(batch) > frames // 2:
            digest, quality = pdq(batch.pixels[frames // 2 - batch.index])
            return to_hex(digest) if quality >= MIN_QUALITY else None
    return None


def cluster_of(request: HeldRequest) -> str:
    """The same for prompts that differ in case, spaces and punctuation only."""
    words = "".join(c if c.isalnum() else " " for c in request.prompt.casefold()).split()
    return hashlib.sha256(f"{request.tenant}\0{' '.join(words)}".encode()).hexdigest()[:32]
