"""Every mode that starts from files, held at every gate, allowed by a person, published.

Whoever asks for it, the clip goes down one line: each gate stands on record and in the manifest,
the reviewer sees the files, and no approval of one gate is one of another.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from generator.spec import Mode
from guarded_gen.composition.lines import durable_line, make_clip
from guarded_gen.composition.services import Services
from guarded_gen.jobs import Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest, FileReference, StoredReference
from guarded_gen.settings import load
from guarded_gen.store.tables.jobs import Job, JobStage
from guarded_gen.store.tables.review import ReviewCase
from guarded_gen.telemetry import Metrics
from media.encode import encode

from .conftest import Site

HOLDS_ALL = """\
policy: holds-all
version: "1"
extends: default
rules:
  - {id: HOLD-1, category: violence, stage: prompt, at_least: 0.0, action: review, reason: violence}
  - {id: HOLD-2, category: frozen, stage: output, at_least: 0.0, action: review, reason: frozen}
"""  # the default policy holds every reference where the nudity model is not installed
PROMPT = "a red circle moves up over grass"
ALLOW = {"action": "allow", "reason": "no_violation"}
GATES = ["prompt", "reference", "output"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("held")
    (folder / "policy.yaml").write_text(HOLDS_ALL)
    services = Services(
        load(
            home=folder / "home", policy=str(folder / "policy.yaml"), backend="dit",
            review={"undo": 0, "double_rate": 0},
        )
    )  # fmt: skip
    made = Site(services)
    yield made
    made.app.state.api.jobs.close()
    services.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(3)
    found = {"still": folder / "still.png"}
    Image.fromarray(_scenery(rng)).save(found["still"])
    for name in ("first", "second"):
        found[name] = folder / f"{name}.mp4"
        base = _scenery(rng)
        encode(
            found[name], iter([np.stack([np.roll(base, k, 1) for k in range(12)])]), Fraction(12)
        )
    return found


def _scenery(rng: np.random.Generator) -> Any:
    coarse = Image.fromarray(rng.integers(20, 235, (9, 14, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((192, 128), Image.Resampling.BICUBIC))


MODES = {
    Mode.IMAGE_TO_VIDEO: ("still",),
    Mode.EXTEND: ("first",),
    Mode.EDIT: ("first",),
    Mode.BLEND: ("first", "second"),
}


def asked_here(site: Site, files: dict[str, Path], mode: Mode) -> str:
    """As the command line asks; the user's files are gone before anybody looks."""
    copies = [files[name].with_name(f"mine-{mode}-{files[name].name}") for name in MODES[mode]]
    for name, copy in zip(MODES[mode], copies, strict=True):
        copy.write_bytes(files[name].read_bytes())
    request = ClipRequest.checked(
        site.services.settings.limits, prompt=PROMPT, mode=mode, backend="dit", seconds=0.5,
        width=128, height=128, fps=12, seed=7,
        references=tuple(FileReference(path=str(copy)) for copy in copies),
    )  # fmt: skip
    target = copies[0].with_name(f"{mode}.mp4")
    outcome = make_clip(site.services, request, target)
    assert outcome.state is ClipState.HELD
    assert not target.exists()
    for copy in copies:
        copy.unlink()
    return outcome.clip


def asked_by_api(site: Site, files: dict[str, Path], mode: Mode) -> str:
    from starlette.testclient import TestClient

    where, field = {
        Mode.IMAGE_TO_VIDEO: ("/v1/videos", "input_reference"),
        Mode.EXTEND: ("/v1/videos/extensions", "video"),
        Mode.EDIT: ("/v1/videos/edits", "video"),
    }[mode]
    [name] = MODES[mode]
    fields = {"prompt": PROMPT, "width": "128", "height": "128", "fps": "12", "seed": "7"}
    fields |= {"num_frames": "6"} if mode is Mode.EDIT else {"seconds": "0.5"}
    client = TestClient(site.app, base_url="http://127.0.0.1")
    answer = client.post(where, data=fields, files={field: (name, files[name].read_bytes())})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def allowed_by_a_person(site: Site, id: str, stage: str) -> None:
    with site.services.store.read() as session:
        [case] = session.scalars(
            select(ReviewCase).where(ReviewCase.item == id, ReviewCase.state == "open")
        )
    assert case.stage == stage
    ann = site.browser("ann")
    form = ann.take(case.id)
    shown = ann.get(f"/console/cases/{case.id}/storyboard.jpg")
    assert shown.status_code == 200, "the reviewer sees what the clip is made from, or the clip"
    with Image.open(io.BytesIO(shown.content)) as sheet:
        assert sheet.format == "JPEG"
        pixels = np.asarray(sheet.convert("L"), dtype=np.float64)
    assert pixels.std() > 5, "and it is a picture"
    assert ann.get(f"/console/cases/{case.id}/preview.mp4").status_code == 200
    done = ann.press(f"/console/cases/{case.id}/decide", **form, **ALLOW)
    assert done.status_code == 303, done.text
    assert site.console.decisions.settle() == 1


def go_on(site: Site, id: str) -> Job:
    """What any worker does with the job."""
    jobs = site.app.state.api.jobs
    runner = Runner(
        jobs.book, durable_line(site.services, jobs), Metrics(), "w", timeout_s=600, max_tries=5
    )
    job = jobs.book.get(None, id)
    queue = jobs.book.plan.queue_of(job.stage).value
    while queue:
        queue = runner.run(id, job.round, Queue(queue))
    return jobs.book.get(None, id)


@pytest.mark.parametrize(
    ("mode", "ask"),
    [(mode, asked_here) for mode in MODES]
    + [(mode, asked_by_api) for mode in MODES if mode is not Mode.BLEND],
)  # fmt: skip
def test_held_at_every_gate_and_published(
    site: Site, files: dict[str, Path], mode: Mode, ask: Any
) -> None:
    id = ask(site, files, mode)
    for stage in GATES:
        allowed_by_a_person(site, id, stage)
        job = go_on(site, id)
        if stage != GATES[-1]:
            assert (job.status, job.review) == ("in_progress", "pending"), (stage, job.error)
    assert (job.status, job.error) == ("completed", None)
    judged = [made["stage"] for made in job.decisions]
    references = ["reference"] * len(MODES[mode])
    assert judged == ["prompt", "review", *references, "review", "output", "review"]
    clip = site.services.settings.media_folder / job.assets["video"]["key"]
    report, _ = site.services.origin.carried(clip)
    assert report.verdict.value == "trusted"
    told = report.manifest["assertions"]["org.guarded-gen.attestation"]
    assert [gate["stage"] for gate in told["gates"]] == ["prompt", *references, "output"]
    assert len(told["reviews"]) == 3
    kinds = [e.kind for e in reversed(site.entries()) if e.body.get("clip") == id]
    made = kinds.index("clip.generated")
    assert kinds[:made] == ["prompt.decision", *["reference.decision"] * len(references)]
    assert kinds[made + 1 :] == ["output.decision", "clip.signed", "clip.published"]
    assert not (site.services.settings.work_folder / id).exists()
    storage = site.services.settings.media_folder / "inputs" / id
    assert not storage.exists(), "what was stored for this job alone goes with it"


def test_a_job_held_by_an_earlier_version_passes_the_reference_gate(
    site: Site, files: dict[str, Path]
) -> None:
    """Before there was one line, a prompt held at the command line was kept as a job that goes
    on at the generator, with the paths of its references as plain strings."""
    id = asked_here(site, files, Mode.IMAGE_TO_VIDEO)
    with site.services.store.write() as session:
        job = session.get(Job, id)
        assert job is not None
        job.stage = "generate"
        job.request = {
            **{k: v for k, v in job.request.items() if k != "format"},
            "references": [str(files["still"])],
        }
        row = session.get(JobStage, (id, "prompt"))
        assert row is not None
        [judged] = row.output["judged"]
        row.output = judged
        kept = json.loads(json.dumps(row.output))
    assert set(kept) == {"decision", "gate"}
    allowed_by_a_person(site, id, "prompt")
    job = go_on(site, id)
    assert (job.status, job.review) == ("in_progress", "pending")
    assert job.decisions[-1]["stage"] == "reference"
    assert "generate" not in site.app.state.api.jobs.book.outputs(id)
    allowed_by_a_person(site, id, "reference")
    go_on(site, id)
    allowed_by_a_person(site, id, "output")
    assert go_on(site, id).status == "completed"


def test_a_clip_held_at_its_output_by_an_earlier_version_is_judged_from_its_references_on(
    site: Site, files: dict[str, Path]
) -> None:
    """Such a job has no record of the reference gate: it is judged anew, whatever the row says."""
    id = asked_here(site, files, Mode.IMAGE_TO_VIDEO)
    for stage in ("prompt", "reference"):
        allowed_by_a_person(site, id, stage)
        go_on(site, id)
    with site.services.store.write() as session:
        session.delete(session.get(JobStage, (id, "reference")))
        job = session.get(Job, id)
        assert job is not None
        assert job.stage == "encode"
    allowed_by_a_person(site, id, "output")
    job = go_on(site, id)
    assert (job.review, job.decisions[-1]["stage"]) == ("pending", "reference")
    allowed_by_a_person(site, id, "reference")
    assert go_on(site, id).status == "completed"


def test_another_file_than_the_judged_one_is_never_used(site: Site, files: dict[str, Path]) -> None:
    id = asked_by_api(site, files, Mode.IMAGE_TO_VIDEO)
    for stage in ("prompt", "reference"):
        allowed_by_a_person(site, id, stage)
        if stage == "prompt":
            go_on(site, id)
    job = site.app.state.api.jobs.book.get(None, id)
    [reference] = ClipRequest.model_validate(job.request).references
    assert isinstance(reference, StoredReference)
    other = files["still"].with_name("other.png")
    Image.new("RGB", (64, 64), "red").save(other)
    site.app.state.api.jobs.storage.put(reference.key, other)
    job = go_on(site, id)
    assert (job.status, job.error["code"]) == ("failed", "reference_changed")
    assert "clip.generated" not in [e.kind for e in site.entries() if e.body.get("clip") == id]
