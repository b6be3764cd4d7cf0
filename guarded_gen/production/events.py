"""What the production line writes into the audit log, event by event.

No prompt and no personal data stands in a body; the prompt travels in the payload, which the
log encrypts per subject and commits to.
"""

from __future__ import annotations

from typing import Any

from generator.base import Capabilities
from guarded_gen.audit import Event
from guarded_gen.gates.gate import GateResult
from guarded_gen.production.parts import Look
from guarded_gen.production.request import ClipRequest
from policies import EVALUATION


def decision(request: ClipRequest, clip: str, result: GateResult, related: str | None) -> Event:
    """A gate's decision; kind ``<stage>.decision``: of the prompt, a reference or the output."""
    payload: dict[str, Any] | None = None
    if result.stage == "prompt":
        payload = {"prompt": request.prompt}
        if request.negative_prompt:
            payload["negative_prompt"] = request.negative_prompt
        payload |= result.sealed
    elif result.sealed:
        payload = dict(result.sealed)
    body: dict[str, Any] = {
        "clip": clip,
        "backend": request.backend,
        "mode": request.mode.value,
        "checks": result.checks(),
        "signals": [signal.to_json() for signal in result.signals],
    }
    if request.rewrite_of and result.stage == "prompt":
        body["rewrite_of"] = request.rewrite_of
    if result.coverage:
        body["coverage"] = dict(result.coverage)
    if result.context is not None:
        body["context"] = result.context.to_json()
        body["evaluation"] = EVALUATION
    if result.shadows:
        body["shadows"] = result.shadows_json()
    if result.own:
        body["categories"] = [dict(entry) for entry in result.own]
    return Event(
        kind=f"{result.stage.value}.decision",
        tenant=request.tenant,
        subject=request.subject,
        actor="gate",
        decision=result.decision.to_json(),
        related=related,
        body=body,
        payload=payload,
    )


def generated(
    request: ClipRequest,
    clip: str,
    capabilities: Capabilities,
    caption: dict[str, Any],
    frames: int,
    related: str | None,
) -> Event:
    """The generator is done. The caption restates the prompt, so it goes into the payload."""
    return Event(
        kind="clip.generated",
        tenant=request.tenant,
        subject=request.subject,
        actor="generator",
        related=related,
        body={
            "clip": clip,
            "backend": capabilities.name,
            "version": capabilities.version,
            "neural": capabilities.neural,
            "weights": capabilities.weights,
            "seed": request.seed,
            "frames": frames,
            "size": [request.width, request.height],
        },
        payload=caption,
    )


def previewed(request: ClipRequest, clip: str, sha256: str, manifest: str, look: Look) -> Event:
    """A signed preview of an unfinished clip may be seen by who asked for the clip."""
    decision = look.result.decision
    body = {
        "clip": clip,
        "sha256": sha256,
        "manifest": manifest,
        "step": look.index,
        "of": look.total,
        "action": decision.action.value,
        "policy_digest": decision.policy_digest,
        "checks": look.result.checks(),
    }
    return _of_the_line("clip.previewed", request, None, body)


def signed(
    request: ClipRequest, clip: str, sha256: str, manifest: str, related: str | None
) -> Event:
    """A clip was signed and verified; it is not yet where a client can read it."""
    body = {"clip": clip, "sha256": sha256, "manifest": manifest}
    return _of_the_line("clip.signed", request, related, body)


def published(request: ClipRequest, clip: str, sha256: str, related: str | None) -> Event:
    """A signed and verified clip reached storage that a client can read."""
    return _of_the_line("clip.published", request, related, {"clip": clip, "sha256": sha256})


def _of_the_line(
    kind: str, request: ClipRequest, related: str | None, body: dict[str, Any]
) -> Event:
    """What the line itself did with a request, whose gates and generator have entries of theirs."""
    return Event(
        kind=kind,
        tenant=request.tenant,
        subject=request.subject,
        actor="pipeline",
        related=related,
        body=body,
    )


def failed(request: ClipRequest, clip: str, stage: str, code: str, related: str | None) -> Event:
    """The work stopped with a typed error; nothing was published."""
    return stopped(request.tenant, clip, stage, code, related, request.subject)


def stopped(
    tenant: str, clip: str, stage: str, code: str, related: str | None, subject: str | None = None
) -> Event:
    """The same for work whose request may not be readable."""
    return Event(
        kind="clip.failed",
        tenant=tenant,
        subject=subject,
        actor="pipeline",
        related=related,
        body={"clip": clip, "stage": stage, "code": code},
    )
