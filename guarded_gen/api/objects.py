"""What clients get: rows in the shapes that the SDKs know, with our own fields beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guarded_gen.production.formats import format_of
from guarded_gen.production.request import ClipRequest
from guarded_gen.store.tables.jobs import Job

if TYPE_CHECKING:
    from guarded_gen.api.context import Api


def seconds_text(seconds: float) -> str:
    """``4`` for 4.0, ``2.5`` for 2.5: the SDK has a string here."""
    return f"{seconds:g}"


def at_s(ms: int | None) -> int | None:
    return None if ms is None else ms // 1000


def moderation_state(job: Job) -> str:
    if job.review is not None:
        return {"pending": "pending_review"}.get(job.review, job.review)
    if any(decision["action"] == "block" for decision in job.decisions):
        return "blocked"
    return "allowed" if job.status == "completed" else "allowed_so_far"


def video_object(api: Api, job: Job) -> dict[str, Any]:
    """A job as the SDK's ``Video``; ``moderation`` and ``provenance`` are ours."""
    from guarded_gen.api.admission import appeal_url

    refusals = [d for d in job.decisions if d["action"] != "allow"]
    error = None
    if job.error is not None:
        error = {key: job.error[key] for key in ("code", "message")}
        for key in ("decision_id", "reason_code"):
            if key in job.error:
                error[key] = job.error[key]
    return {
        "id": job.id,
        "object": "video",
        "status": job.status,
        "model": job.model,
        "progress": job.progress,
        "prompt": job.request["prompt"],
        "seconds": seconds_text(job.details.get("total_seconds", job.seconds)),
        "size": f"{job.request['width']}x{job.request['height']}",
        "created_at": at_s(job.created_at),
        "completed_at": at_s(job.completed_at),
        "expires_at": at_s(job.expires_at),
        "remixed_from_video_id": job.details.get("remixed_from"),
        "error": error,
        "fps": job.request["fps"],
        "format": format_of(ClipRequest.model_validate(job.request)).name,
        "seed": job.request["seed"],
        "metadata": job.details.get("metadata"),
        "moderation": {
            "state": moderation_state(job),
            "decisions": job.decisions,
            "decision_ids": [decision["id"] for decision in job.decisions],
            "reason_codes": [d["reason"] for d in refusals if d.get("reason")],
            "appeal_url": appeal_url(api, refusals[-1]["id"]) if refusals else None,
        },
        "provenance": job.provenance,
    }


def page(items: list[dict[str, Any]], more: bool) -> dict[str, Any]:
    """A list in cursor pages."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": more,
    }
