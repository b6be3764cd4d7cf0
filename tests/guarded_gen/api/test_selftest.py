"""The self-test against a real service, and against one that does not do what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from typer.testing import CliRunner

from guarded_gen.selftest.receiver import Receiver
from guarded_gen.selftest.run import run
from guarded_gen.selftest.steps import STEPS, Step, Trial
from guarded_gen.server import app as commands


@pytest.fixture
def trial(url: str, app: Any, tmp_path: Path) -> Iterator[Trial]:
    receiver = Receiver("127.0.0.1", 0, "")
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
    key = app.state.api.services.log.keys.signer.verifier
    with httpx.Client() as http:
        client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        yield Trial(url, client, http, tmp_path, log_key=key, receiver=receiver)
    receiver.close()


def test_a_sound_service_passes_every_step(trial: Trial) -> None:
    results = run(trial)
    assert [(r.name, r.outcome) for r in results] == [(name, "passed") for name, _ in STEPS], (
        results
    )


def step(name: str) -> tuple[str, Step]:
    return next(entry for entry in STEPS if entry[0] == name)


def test_what_is_not_so_is_told(trial: Trial) -> None:
    trial.allowed, trial.refused = trial.refused, trial.allowed
    for name in ("moderation", "refusal", "clip"):
        (result,) = run(trial, steps=[step(name)])
        assert result.outcome == "failed", result
    trial.base_url += "/elsewhere"
    assert run(trial, steps=[step("ready")])[0].outcome == "failed"


def test_what_needs_a_failed_step_is_skipped(trial: Trial) -> None:
    trial.allowed = trial.refused
    results = run(trial, steps=[step("clip"), step("mark"), step("deletion")])
    assert [r.outcome for r in results] == ["failed", "skipped", "skipped"]


def test_the_command_says_what_failed(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["selftest", "--base-url", "http://127.0.0.1:9", "--json"])
    assert done.exit_code == 1
    steps = json.loads(done.stdout)["steps"]
    assert steps[0]["name"] == "ready" and steps[0]["outcome"] == "failed"
