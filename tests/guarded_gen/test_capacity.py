"""How many machines a load needs: from measured stages, not from their worst moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_gen.settings import load
from guarded_gen.store import open_store
from guarded_gen.store.tables.jobs import Job, JobStage
from guarded_gen.upkeep.capacity import FEWEST, REFERENCE, StageRun, costs_of, fitted
from tests.conftest import Ran

SMALL = st.floats(0.05, 0.2)
LARGE = st.floats(2, 60)


@given(st.floats(0, 5), st.floats(0.01, 20), st.lists(SMALL | LARGE, min_size=FEWEST, max_size=80))
def test_a_line_through_the_jobs_is_found(fixed: float, each: float, work: list[float]) -> None:
    work = [*work, 0.1, 50.0]
    x = np.array(work)
    cost = fitted(x, fixed + each * x, 0.9)
    for one in (0.1, 1.0, 100.0):
        assert cost.seconds(one) == pytest.approx(fixed + each * one, rel=1e-3, abs=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_an_outage_and_small_clips_change_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    work = rng.choice([0.02, 0.26, 3.7], 60)
    seconds = (2.0 + 1.5 * work) * rng.uniform(0.9, 1.1, 60)
    calm = fitted(work, seconds, 0.9)
    seconds[:5] = 3_600.0  # a worker that hung for an hour
    hung = fitted(work, seconds, 0.9)
    for one in (0.26, 3.7, 40.0):
        assert hung.seconds(one) == pytest.approx(calm.seconds(one), rel=0.25)
        assert calm.seconds(one) == pytest.approx(2.0 + 1.5 * one, rel=0.25)
    assert fitted(work, seconds, 0.5).seconds(1) <= hung.seconds(1)


def test_too_few_jobs_say_nothing() -> None:
    runs = [StageRun("generate", 0.01, 30.0)] * (FEWEST - 1)
    assert costs_of(runs, 0.9)["generate"].each == REFERENCE["generate"]
    assert costs_of([*runs, runs[0]], 0.9)["generate"].seconds(0.01) == pytest.approx(30.0)


def jobs(home: Path, numbers: range) -> None:
    store = open_store(load(home=home))
    with store.write() as session:
        for n in numbers:
            width = 64 if n % 3 else 512
            session.add(
                Job(
                    id=f"video_{n}", tenant="t", kind="video", status="completed", stage="done",
                    progress=100, priority=0, model="m", request={"width": width, "height": width},
                    details={}, seconds=2.0, decisions=[], bytes=1_000, fence=1, round=1, tries=0,
                    cancel=False, created_at=n, queued_at=n, completed_at=n,
                )
            )  # fmt: skip
            took = 1.0 + 2.0 * width * width * 2 / 1e6
            for stage in ("prompt", *REFERENCE):
                session.add(
                    JobStage(job=f"video_{n}", stage=stage, fence=1, worker="w", output={},
                             seconds=took, finished_at=n)
                )  # fmt: skip
    store.close()


def test_the_command_plans_from_jobs_by_size(cli: Callable[..., Ran], home: Path) -> None:
    jobs(home, range(13))
    plain = ("capacity", "--clips-per-day", "1000", "--json")
    few = cli(*plain).json
    assert (few["jobs"], few["costs_from"]) == (13, "the reference machine")
    assert few["gpu_workers"] <= 2
    jobs(home, range(13, 40))
    small = cli(*plain, "--size", "64x64", "--seconds", "2").json
    large = cli(*plain, "--size", "1280x720", "--seconds", "8").json
    assert small["costs_from"] == "jobs of this installation"
    assert small["stage_seconds_per_clip"]["encode"] == pytest.approx(1.016, rel=0.02)
    assert large["stage_seconds_per_clip"]["encode"] == pytest.approx(15.7, rel=0.02)
    wrong = cli(*plain, "--size", "big")
    assert wrong.code == 2 and "1280x720" in wrong.err
