"""A clip that the command line holds: a case, a decision, a signed clip that names it."""

from __future__ import annotations

from pathlib import Path

import policies
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.jobs import Jobs
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.appeals import Appeals
from guarded_gen.review.cases import CaseQueue
from guarded_gen.review.decide import Decisions
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.server.application import worker_process
from guarded_gen.settings import load
from guarded_gen.telemetry import Metrics
from tests.waiting import until

HOLDS = """\
policy: holds
version: "1"
extends: default
rules:
  - {id: HOLD-1, category: frozen, stage: output, at_least: 0.0, action: review, reason: frozen}
"""
HOLDS_PROMPTS = HOLDS.replace("frozen", "violence").replace("output", "prompt")


def test_an_allowed_clip_is_finished_and_its_manifest_names_the_decision(home: Path) -> None:
    services = Services(load())
    services.pinned_policy = policies.loads(HOLDS)[0]
    request = ClipRequest.checked(
        services.settings.limits, prompt="a red circle rises over the sea", backend="world",
        seconds=1, width=256, height=256,
    )  # fmt: skip
    target = home.parent / "clip.mp4"
    outcome = make_clip(services, request, target)
    assert outcome.state is ClipState.HELD
    assert not target.exists()
    metrics = Metrics()
    jobs = Jobs(services.settings, services.store, services.log)
    queue = CaseQueue(services.store, services.log)
    ann = add_person(services.log, "test", "ann", {Role.REVIEWER})[0]
    case = queue.next(ann)
    assert case is not None
    assert case.item == outcome.clip
    assert case.look is not None
    decisions = Decisions(services.store, services.log, HeldJobs(jobs.book), ReviewLimits(undo=0))
    decided = decisions.decide(ann, case.id, "allow", "no_violation", version=case.version)
    decisions.settle()
    process = worker_process(services, jobs, metrics)
    process.start()
    try:
        job = until(
            lambda: (now := jobs.book.get("default", outcome.clip)).status != "in_progress" and now,
            "the clip",
        )
    finally:
        process.stop()
        jobs.close()
    assert (job.status, job.error) == ("completed", None)
    assert job.assets is not None
    clip = services.settings.media_folder / job.assets["video"]["key"]
    assert decided.entry.encode() in clip.read_bytes()
    services.close()


def test_a_refusal_by_a_person_can_be_appealed_by_either_link(home: Path) -> None:
    services = Services(load())
    services.pinned_policy = policies.loads(HOLDS_PROMPTS)[0]
    request = ClipRequest.checked(
        services.settings.limits, prompt="two fencers on a stage", backend="world"
    )
    outcome = make_clip(services, request, home / "clip.mp4")
    assert outcome.state is ClipState.HELD
    jobs = Jobs(services.settings, services.store, services.log)
    queue = CaseQueue(services.store, services.log)
    ann = add_person(services.log, "test", "ann", {Role.REVIEWER})[0]
    case = queue.next(ann)
    assert case is not None
    decisions = Decisions(services.store, services.log, HeldJobs(jobs.book), ReviewLimits(undo=0))
    decided = decisions.decide(ann, case.id, "block", "violence", version=case.version)
    decisions.settle()
    job = jobs.book.get("default", outcome.clip)
    assert job.error is not None
    assert job.error["decision_id"] == decided.entry
    appeals = Appeals(services.store, services.log, b"k" * 32)
    appeals.file(decided.entry, "it is a sport")
    assert appeals.status(case.decision) == appeals.status(decided.entry)
    appeal = queue.next(ann)
    assert appeal is None, "the one who refused does not decide the appeal"
    services.close()
