"""Cases to try the console with, made by the product's own gates and jobs.

The prompts are harmless and our own. A policy of its own (every prompt is looked at by a person,
every clip too) makes the gates hold them; nothing is written past the gates.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import distinct, func, select

import policies
from guarded_gen.access.keys import OPEN_ACCESS
from guarded_gen.api.admission import NewJob, admit
from guarded_gen.api.context import Api
from guarded_gen.api.problems import Problem
from guarded_gen.jobs import Jobs, new_id
from guarded_gen.production.request import ClipRequest
from guarded_gen.server.application import worker_process
from guarded_gen.store.tables.review import ReviewCase
from guarded_gen.telemetry import Metrics

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services

PATIENCE_SECONDS = 180.0
"""How long the clips may take in all to be rendered and held, and"""
PATIENCE_SECONDS_PER_CLIP = 30.0
"""how much longer for each of them, on a machine that has other work."""

_RULE = (
    "  - {{id: DEMO-{n}, category: {c}, stage: {s}, at_least: {t}, action: review, reason: {c}}}"
)


def _policy(name: str, rules: list[tuple[str, str, float]]) -> policies.Policy:
    """A policy that sends to review what reaches a low threshold: (category, stage, at_least)."""
    lines = [
        f"policy: {name}",
        'version: "1"',
        "extends: default",
        "rules:",
        *(_RULE.format(n=n, c=c, s=s, t=t) for n, (c, s, t) in enumerate(rules, 1)),
    ]
    return policies.loads("\n".join(lines) + "\n", name)[0]


_WHO = (
    "a chef",
    "two fencers",
    "a surgeon",
    "a boxing team",
    "an actor",
    "a hunter in a museum",
    "a medieval knight",
    "a firefighter",
    "a history teacher",
    "a butcher",
    "a magician",
    "a crowd of protesters",
    "a famous singer",
    "a historical president",
)
_WHAT = (
    "chops onions with a large knife",
    "spars on a stage",
    "explains an old battle",
    "shoots a free throw in the last second",
    "kills the lights before the show",
    "carves a pumpkin",
    "rehearses a duel",
    "cuts ribs on a wooden board",
    "walks through smoke",
    "demonstrates first aid on a dummy",
)
_WHERE = ("in a bright kitchen", "at dusk", "in slow motion", "in an old theatre", "on a beach")
CLIPS = (
    "a big red circle stays still in the desert",
    "a small blue star rises over the sea",
    "a green square stays still under a night sky",
    "a yellow ring orbits in a gray studio",
    "a purple heart shrinks at sunset",
    "an orange diamond falls over grass",
)


def prompts(count: int, seed: int = 1) -> Iterator[str]:
    """``count`` harmless prompts; some come more than once, as they do in real queues."""
    every = [" ".join(parts) for parts in itertools.product(_WHO, _WHAT, _WHERE)]
    chooser = random.Random(seed)
    for _ in range(count):
        yield chooser.choice(every)


def seed_demo(
    services: Services,
    count: int,
    clips: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Send ``count`` prompts and ``clips`` small clips through the gates; returns what became
    of them. Takes about 20 ms a prompt and a second a clip."""
    holds_prompts = _policy(
        "seed-prompts",
        [
            ("violence", "prompt", 0.03),
            ("likeness", "prompt", 0.3),
            ("intellectual_property", "prompt", 0.3),
            ("unsafe", "prompt", 0.04),
        ],
    )
    holds_clips = _policy("seed-clips", [("frozen", "output", 0.0)])
    services.pinned_policy = holds_prompts
    metrics = Metrics()
    jobs = Jobs(services.settings, services.store, services.log)
    api = Api(services, jobs, metrics, open_access=True)
    limits = services.settings.limits
    made = {"held": 0, "accepted": 0, "blocked": 0, "clips": 0}
    chooser = random.Random(2)
    total = count + clips

    def ask(prompt: str, **fields: object) -> str | None:
        """The id of the job that was taken in; None when the gate refused the prompt."""
        request = ClipRequest.checked(
            limits,
            prompt=prompt,
            backend="world",
            subject=f"user-{chooser.randrange(40)}",
            **fields,
        )
        try:
            job = admit(
                api,
                OPEN_ACCESS,
                request,
                lambda session, status, body: None,
                NewJob(new_id("video"), request_id="seed"),
            )
        except Problem:
            made["blocked"] += 1
            return None
        made["held" if job.review == "pending" else "accepted"] += 1
        return job.id if job.review != "pending" else None

    for n, prompt in enumerate(prompts(count)):
        ask(prompt, seconds=1, width=256, height=256)
        progress(n + 1, total)
    services.pinned_policy = holds_clips
    process = worker_process(services, jobs, metrics)
    process.start()
    try:
        # The prompts above that the gate let pass become clips as well: only these are counted.
        wanted: set[str] = set()
        for n in range(clips):
            job = ask(CLIPS[n % len(CLIPS)], seconds=2, width=256, height=256, seed=n)
            wanted |= {job} if job else set()
            progress(count + n + 1, total)
        deadline = time.monotonic() + PATIENCE_SECONDS + PATIENCE_SECONDS_PER_CLIP * clips
        while made["clips"] < len(wanted) and time.monotonic() < deadline:
            time.sleep(0.3)
            with services.store.read() as session:
                held = select(func.count(distinct(ReviewCase.item))).where(
                    ReviewCase.stage == "output", ReviewCase.item.in_(wanted)
                )
                made["clips"] = session.scalar(held) or 0
    finally:
        process.stop()
        jobs.close()
    return made
