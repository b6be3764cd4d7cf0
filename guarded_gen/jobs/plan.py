"""The stages of a job, their order, and which queue each belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Queue(StrEnum):
    """Kinds of workers: ``gpu`` renders, ``cpu`` does everything else."""

    GPU = "gpu"
    CPU = "cpu"


class Status(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


OPEN = (Status.QUEUED.value, Status.IN_PROGRESS.value)
DONE = "done"


@dataclass(frozen=True, slots=True)
class Step:
    """One stage: its name, the queue that runs it, and the progress (percent) when it is done."""

    name: str
    queue: Queue
    progress: int


PROMPT = "prompt"
"""The stage before the queue: the gate at the door."""

REFERENCE = "reference"
"""The gate over the files that a clip is to be made from; done at the door when there are none."""

STEPS = (
    Step(REFERENCE, Queue.GPU, 2),
    Step("generate", Queue.GPU, 70),
    Step("output", Queue.CPU, 72),
    Step("encode", Queue.CPU, 90),
    Step("sign", Queue.CPU, 95),
    Step("publish", Queue.CPU, 100),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order. Tests and benchmarks run other plans through the same engine."""

    steps: tuple[Step, ...] = STEPS

    def at(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    @property
    def first(self) -> str:
        return self.steps[0].name

    def before(self, name: str) -> tuple[Step, ...]:
        """The steps that precede ``name``."""
        return self.steps[: self.steps.index(self.at(name))]

    def after(self, name: str) -> str:
        """The stage that follows, or ``done``."""
        names = [step.name for step in self.steps]
        position = names.index(name) + 1
        return names[position] if position < len(names) else DONE

    def of(self, queue: Queue) -> tuple[Step, ...]:
        """The steps that one worker of ``queue`` takes in one go."""
        return tuple(step for step in self.steps if step.queue is queue)
