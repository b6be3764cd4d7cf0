"""Cases from the command line: the same rules as in the console, the person on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import policies
from guarded_gen.audit.search import Query
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.jobs import Jobs
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.server import app
from guarded_gen.settings import load

HOLDS = """\
policy: holds
version: "1"
extends: default
rules:
  - {id: HOLD-1, category: violence, stage: prompt, at_least: 0.0, action: review, reason: violence}
"""


def test_a_held_prompt_is_listed_shown_and_decided(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDED_GEN_REVIEW__UNDO", "0")
    services = Services(load())
    services.pinned_policy = policies.loads(HOLDS)[0]
    request = ClipRequest.checked(services.settings.limits, prompt="a boat", backend="world")
    outcome = make_clip(services, request, home / "clip.mp4")
    assert outcome.state is ClipState.HELD
    ann, token = add_person(services.log, "test", "ann", {Role.REVIEWER})
    services.close()

    def run(*args: str, as_: str = "ann", with_: str = token) -> tuple[int, Any]:
        found = CliRunner().invoke(
            app, ["cases", *args, "--as", as_, "--json"], env={"GUARDED_GEN_PERSON_TOKEN": with_}
        )
        return found.exit_code, json.loads(found.stdout)

    assert run("list", with_="ggp_wrong")[0] == 1
    assert run("list", as_="bob")[0] == 1
    code, [listed] = run("list")
    assert (code, listed["item"], listed["stage"]) == (0, outcome.clip, "prompt")
    shown = run("show", outcome.clip)[1]
    assert shown["rule"] == "HOLD-1"
    assert "violence" in shown["reasons"]
    assert run("decide", outcome.clip, "allow", "--reason", "nonsense")[0] == 2
    code, done = run("decide", listed["id"], "block", "--reason", "violence")
    assert (code, done["decided_by"], done["waits_for_second"]) == (0, "ann", False)
    assert run("list")[1] == []
    assert run("decide", outcome.clip, "allow")[0] == 1, "decided already"

    services = Services(load())
    jobs = Jobs(services.settings, services.store, services.log)
    job = jobs.book.get("default", outcome.clip)
    assert (job.status, job.error["code"]) == ("failed", "moderation_blocked")
    [entry] = services.log.entries(Query(kind="case.decided"))
    assert entry.actor == ann.id
    jobs.close()
    services.close()
