"""Runs the steps one after the other; one that fails stops only those that need its result."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from guarded_gen.errors import GuardedGenError, InvalidInput
from guarded_gen.selftest.steps import (
    NEEDS,
    STEPS,
    Step,
    StepFailed,
    StepSkipped,
    Trial,
    quiet_openai,
)

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class TrialResult:
    """One step's outcome; ``said`` is one sentence for people."""

    name: str
    outcome: Outcome
    said: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "outcome": self.outcome,
            "said": self.said,
            "seconds": round(self.seconds, 3),
        }


def run(
    trial: Trial,
    told: Callable[[TrialResult], None] = lambda result: None,
    steps: Sequence[tuple[str, Step]] = STEPS,
) -> list[TrialResult]:
    """Do every step; ``told`` hears each result as it comes."""
    results: dict[str, TrialResult] = {}
    for name, step in steps:
        started = time.monotonic()
        needed = results.get(NEEDS.get(name, ""))
        if needed is not None and needed.outcome != "passed":
            outcome, said = _skipped(f"it needs the step {needed.name!r}")
        else:
            outcome, said = _do(trial, step)
        results[name] = TrialResult(name, outcome, said, time.monotonic() - started)
        told(results[name])
    return list(results.values())


def _skipped(said: str) -> tuple[Outcome, str]:
    return "skipped", said


def _do(trial: Trial, step: Step) -> tuple[Outcome, str]:
    try:
        import openai
    except ImportError:
        raise InvalidInput(
            "the official client is not installed", "run: pip install openai"
        ) from None
    try:
        with quiet_openai():
            return "passed", step(trial)
    except StepSkipped as reason:
        return _skipped(str(reason))
    except queue.Empty:
        return "failed", "no call arrived"
    except (StepFailed, GuardedGenError, openai.OpenAIError, httpx.HTTPError, ValueError) as error:
        return "failed", f"{error}" or type(error).__name__
