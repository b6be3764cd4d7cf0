"""Previews of unfinished clips: off unless the operator wants them, and only what was allowed."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from openai import OpenAI
from PIL import Image

from generator.base import Cancel, Generator, OnStep, Step
from generator.spec import GenerationSpec
from guarded_gen.audit import AuditLog, Event
from guarded_gen.composition.lines import previewer
from guarded_gen.composition.services import Services
from guarded_gen.gates.gate import GateResult
from guarded_gen.jobs import Jobs
from guarded_gen.jobs.book import PREVIEW
from guarded_gen.jobs.errors import Fenced
from guarded_gen.production.parts import Look
from guarded_gen.production.previews import SIDE
from guarded_gen.production.request import ClipRequest
from guarded_gen.store import open_store
from policies import Context, Policy
from policies.decision import Action, Signal, Stage
from provenance.verdicts import Verdict
from provenance.verifier import verify
from tests.faults.stages import accept
from tests.postgres import fresh_database, running

from .live import serving, settings_for

PROMPT = "a red ball rolls from left to right over green grass"
WAIT_S = 120
POLICY = Path(__file__).with_name("policy.yaml")
JOBS = {"poll_s": 0.05, "drain_s": 10}


class Paused:
    """The real generator; it waits after its first look until it may go on."""

    def __init__(self, inner: Generator) -> None:
        self._inner = inner
        self.looked = threading.Event()
        self.go = threading.Event()

    def capabilities(self) -> Any:
        return self._inner.capabilities()

    def recaption(self, prompt: str) -> dict[str, Any]:
        return self._inner.recaption(prompt)

    def generate(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Any]:
        def stepped(step: Step) -> None:
            on_step(step)
            if step.index >= 0.15 * step.total:
                self.looked.set()
                assert self.go.wait(WAIT_S)

        return self._inner.generate(spec, stepped, cancel)


def pause(app: Any) -> Paused:
    services = app.state.api.services
    services._generators["world"] = Paused(services.generator("world"))
    return services._generators["world"]


def events(url: str, id: str, on_event: Any, **query: Any) -> list[tuple[str, dict[str, Any]]]:
    """Read the whole stream; ``on_event`` gets the name of each as it comes."""
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    with httpx.stream("GET", f"{url}/v1/videos/{id}/events", params=query, timeout=WAIT_S) as got:
        assert got.status_code == 200
        for line in got.iter_lines():
            if line.startswith("event:"):
                name = line.split(":", 1)[1].strip()
            elif line.startswith("data:"):
                found.append((name, json.loads(line.split(":", 1)[1])))
                on_event(name)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(lambda: tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: Any) -> str:
    return "" if request.param == "sqlite" else fresh_database(request.getfixturevalue("server"))


def test_a_preview_is_small_signed_and_gone_when_the_clip_is_judged(
    database: str, tmp_path: Path
) -> None:
    settings = settings_for(
        tmp_path / "home", database_url=database, jobs={**JOBS, "previews": True}
    )
    with serving(settings) as (url, app), OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        held = pause(app)
        # SDK types know some sizes only; ours takes any.
        video: Any = client.videos.create(
            prompt=PROMPT, extra_body={"size": "512x256", "seconds": "2"}
        )
        told = events(
            url, video.id, lambda name: held.go.set() if name == "video.preview" else None,
            previews="true",
        )  # fmt: skip
        names = [name for name, _ in told]
        assert names[-1] == "video.completed"
        [shown] = [data for name, data in told if name == "video.preview"]
        picture = tmp_path / "preview.jpg"
        picture.write_bytes(base64.b64decode(shown["data"]))
        with Image.open(io.BytesIO(picture.read_bytes())) as image:
            assert (image.format, image.size) == ("JPEG", (SIDE, SIDE // 2))
        services = app.state.api.services
        report = verify(picture, services.trust)
        assert report.verdict is Verdict.TRUSTED
        [entry] = [e for e in services.log.entries() if e.kind == "clip.previewed"]
        assert entry.body["sha256"] == shown["sha256"]
        assert (entry.body["action"], entry.body["clip"]) == ("allow", video.id)
        job = app.state.api.jobs.book.get(None, video.id)
        assert PREVIEW not in job.details
        left = [p for p in (tmp_path / "home").rglob("*preview*") if p.is_file()]
        assert left == []


def test_previews_are_off_until_the_operator_wants_them(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path / "home")) as (url, app):
        client = OpenAI(base_url=f"{url}/v1", api_key="none")
        video: Any = client.videos.create(
            prompt=PROMPT, extra_body={"size": "128x128", "seconds": "1"}
        )
        refused = httpx.get(f"{url}/v1/videos/{video.id}/events?previews=true", timeout=30)
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "previews_off"
        names = {name for name, _ in events(url, video.id, lambda name: None)}
        assert names <= {"video.progress", "video.completed"}
        kinds = {e.kind for e in app.state.api.services.log.entries()}
        assert "clip.generated" in kinds and "clip.previewed" not in kinds


def test_nobody_sees_what_a_person_must_judge(tmp_path: Path) -> None:
    """A required check that is not installed makes every look a review: nothing is shown."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        POLICY.read_text().replace(
            "  output:\n    - categories: [undecodable]",
            "  output:\n    - categories: [undecodable, sexual]",
        )
    )
    settings = settings_for(tmp_path / "home", policy=str(policy), jobs={**JOBS, "previews": True})
    with serving(settings) as (url, app), OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        held = pause(app)
        video: Any = client.videos.create(
            prompt=PROMPT, extra_body={"size": "128x128", "seconds": "2"}
        )
        assert held.looked.wait(WAIT_S)
        book = app.state.api.jobs.book
        assert PREVIEW not in book.get(None, video.id).details
        assert "clip.previewed" not in {e.kind for e in app.state.api.services.log.entries()}
        client.videos.delete(video.id)
        held.go.set()


def test_a_look_that_was_not_allowed_becomes_no_picture(home: Path) -> None:
    services = Services(settings_for(home))
    try:
        result = judged(services.policy, Signal.skipped("none", "undecodable", "not_assessed"))
        assert result.decision.action is Action.REVIEW
        look = Look(1, 4, np.zeros((1, 128, 128, 3), np.uint8), result)
        with pytest.raises(ValueError, match="never shown"):
            previewer(services).make(ClipRequest(prompt=PROMPT, seed=1), "video_x", look, home)
    finally:
        services.close()


def judged(policy: Policy, *signals: Signal) -> GateResult:
    from guarded_gen.gates.gate import judge

    return judge(policy, Stage.OUTPUT, signals, Context())


def test_what_is_shown_belongs_to_the_worker_that_has_the_job(
    database: str, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path / "home", database_url=database)
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    jobs = Jobs(settings, store, log)
    book = jobs.book
    job = accept(book)
    told = Event(kind="clip.previewed", tenant="default", body={"clip": job.id})

    def shown(step: int) -> dict[str, Any]:
        return {"key": "drafts/x/1/preview.jpg", "sha256": str(step), "step": step, "of": 48}

    try:
        first = book.take(job.id, 0, "one", ["generate"])
        assert first is not None
        assert book.show(job.id, first.fence, shown(12), told)
        second = book.take(job.id, 0, "two", ["generate"])
        assert second is not None
        with pytest.raises(Fenced):
            book.show(job.id, first.fence, shown(24), told)
        assert not book.show(job.id, second.fence, shown(12), told), "it was shown before"
        assert book.get(None, job.id).details[PREVIEW]["step"] == 12
        assert book.show(job.id, second.fence, None)
        assert PREVIEW not in book.get(None, job.id).details
        assert book.show(job.id, second.fence, shown(24), told)
        book.fail(job.id, "timeout", "too long", fence=second.fence)
        assert PREVIEW not in book.get(None, job.id).details
        assert [e.kind for e in log.entries()].count("clip.previewed") == 2
    finally:
        jobs.close()
        log.close()
        store.close()
