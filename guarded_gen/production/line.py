"""The order of the production line. This is the only place that states it.

    prompt ─▶ reference ─▶ generate ─▶ output ─▶ encode ─▶ sign ─▶ publish

A stage is due when everything before it is done and no gate before it is closed. Nothing else
decides what runs next: not a column of a row, not who asks, not what a person approved. So a
job whose reference was never judged goes to the reference gate whatever else is known of it.

Telling the tenant is no stage: the notice is queued in the transaction that ends the job, in
whichever stage that is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from guarded_gen.production.work import Gated, Work
from policies.decision import Action

if TYPE_CHECKING:
    from guarded_gen.production.request import ClipRequest
    from guarded_gen.production.stage import Stage
    from guarded_gen.store.tables.jobs import Job

PROMPT = "prompt"
REFERENCE = "reference"
GENERATE = "generate"
OUTPUT = "output"
ENCODE = "encode"
SIGN = "sign"
PUBLISH = "publish"
DONE = "done"
"""What a job's ``stage`` says after the last."""


class Queue(StrEnum):
    """Kinds of workers: ``gpu`` renders, ``cpu`` does everything else."""

    GPU = "gpu"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class LineStep:
    """One stage's place: its name, the queue that runs it, the progress (percent) when done.

    ``queue`` None: it runs where the clip is asked for, before any queue.
    """

    name: str
    queue: Queue | None
    progress: int
    with_references: bool = False
    """Only for requests that start from files."""

    def applies(self, request: ClipRequest) -> bool:
        return bool(request.references) or not self.with_references


STEPS = (
    LineStep(PROMPT, None, 0),
    LineStep(REFERENCE, Queue.GPU, 2, with_references=True),
    LineStep(GENERATE, Queue.GPU, 70),
    LineStep(OUTPUT, Queue.CPU, 72),
    LineStep(ENCODE, Queue.CPU, 90),
    LineStep(SIGN, Queue.CPU, 95),
    LineStep(PUBLISH, Queue.CPU, 100),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order. Tests and benchmarks run other plans through the same driver."""

    steps: tuple[LineStep, ...] = STEPS

    def at(self, name: str) -> LineStep:
        return next(step for step in self.steps if step.name == name)

    def after(self, name: str) -> str:
        """The step that follows, or ``done``."""
        names = [step.name for step in self.steps]
        position = names.index(name) + 1
        return names[position] if position < len(names) else DONE

    def of(self, queue: Queue) -> tuple[LineStep, ...]:
        """The steps that workers of ``queue`` take."""
        return tuple(step for step in self.steps if step.queue is queue)

    def queue_of(self, name: str) -> Queue:
        """The queue that takes a job whose next stage is ``name``."""
        names = [step.name for step in self.steps]
        return next(
            step.queue for step in self.steps[names.index(name) :] if step.queue is not None
        )

    def following(self, request: ClipRequest, done: Collection[str]) -> str:
        """The first step that applies to the request and is not ``done``; else ``done``."""
        for step in self.steps:
            if step.applies(request) and step.name not in done:
                return step.name
        return DONE


class Standing(StrEnum):
    """What a job waits for when no stage is due."""

    FINISHED = "finished"
    HELD = "held"
    REFUSED = "refused"


def nothing_to_discard(job: Job) -> None:
    """For lines whose stages leave no working files."""


@dataclass(frozen=True, slots=True)
class Line:
    """The stages with their parts, bound to the order.

    ``discard`` removes the working files of a job that has ended. Raises ``ValueError`` when the
    stages are not those of the plan, in its order.
    """

    stages: tuple[Stage, ...]
    discard: Callable[[Job], None] = nothing_to_discard
    plan: Plan = Plan()

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if names != [step.name for step in self.plan.steps]:
            raise ValueError(f"the stages {names} are not those of the plan")

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)

    def due(self, work: Work) -> Stage | Standing:
        """The stage to run next, or what the work waits for.

        A gate lets pass only an allow, or a review that a person approved after it was made.
        """
        for step, stage in zip(self.plan.steps, self.stages, strict=True):
            if not step.applies(work.request):
                continue
            output = work.outputs.get(step.name)
            if output is None:
                return stage
            if isinstance(output, Gated) and not work.passed(output):
                return Standing.REFUSED if output.action is Action.BLOCK else Standing.HELD
        return Standing.FINISHED
