"""Files that a clip is to be made from pass a gate of their own before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

import policies
from generator.spec import Mode
from guarded_gen import settings as config
from guarded_gen.audit import Transaction
from guarded_gen.composition.lines import durable_line, prompt_gate
from guarded_gen.composition.services import Services
from guarded_gen.gates.gate import GateResult, judge
from guarded_gen.jobs import Jobs, Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.production.line import Line
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.stage import Done, Held, Result
from guarded_gen.production.work import Gated, Judged, Output, Work
from guarded_gen.store.tables.jobs import Job
from guarded_gen.store.tables.review import ReviewCase
from guarded_gen.telemetry import Metrics
from media.hashing import pdq, to_hex
from policies import Context
from policies.decision import Action, Signal, Stage
from tests.faults.stages import EmptyStages, accept, line_of


class Room:
    def __init__(self, home: Path) -> None:
        self.services = Services(config.load(home=home))
        services = self.services
        self.jobs = Jobs(services.settings, services.store, services.log)
        self.book = self.jobs.book
        self.line = durable_line(services, self.jobs)

    def accept(self, *keys: str, stage: str = "reference") -> Job:
        request = ClipRequest(
            prompt="a red ball rolls over grass", seconds=0.5, width=128, height=128, seed=7,
            backend="dit", mode=Mode.BLEND if len(keys) > 1 else Mode.IMAGE_TO_VIDEO,
            references=keys,
        )  # fmt: skip
        template = accept(self.book)
        values = {c.key: getattr(template, c.key) for c in Job.__table__.columns}
        job = Job(**{**values, "id": f"{template.id[:-2]}zz", "stage": stage,
                     "request": request.model_dump(mode="json")})  # fmt: skip
        gate: GateResult = prompt_gate(self.services).judge(request)

        def work(tx: Transaction) -> None:
            self.book.accept(tx, job, {"decision": "dec_0", "gate": gate.to_json()})

        self.services.log.write(work)
        return job

    def run(self, job: Job, line: Line, queue: Queue = Queue.GPU) -> Job:
        round = self.book.get(None, job.id).round
        Runner(self.book, line, Metrics(), "w", timeout_s=60, max_tries=5).run(job.id, round, queue)
        return self.book.get(None, job.id)

    def put(self, name: str, seed: int) -> str:
        coarse = np.random.default_rng(seed).integers(20, 235, (9, 14, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((240, 160), Image.Resampling.BICUBIC)
        path = self.services.settings.home / name
        picture.save(path)
        self.jobs.storage.put(f"inputs/{name}", path)
        self.last = np.asarray(picture)
        return f"inputs/{name}"

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.services.log.entries() if entry.kind[0] != "t"]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path / "home")
    yield room
    room.jobs.close()
    room.services.close()


def test_a_banned_reference_ends_the_job_before_the_generator(room: Room) -> None:
    good, bad = room.put("good.png", 1), room.put("bad.png", 2)
    banks = room.services.settings.home / "banks"
    banks.mkdir(parents=True, exist_ok=True)
    (banks / "banned.txt").write_text(f"pdq {to_hex(pdq(room.last)[0])}\n")
    job = room.run(room.accept(good, bad), room.line)
    assert job.status == "failed"
    assert job.error["code"] == "moderation_blocked"
    assert job.error["reason_code"] == "known_content"
    entry = room.services.log.entry(job.error["decision_id"])
    assert entry.kind == "reference.decision"
    assert [d["stage"] for d in job.decisions] == ["reference", "reference"], "both are on record"
    assert "generate" not in room.book.outputs(job.id)
    assert "clip.generated" not in room.kinds()


def test_a_reference_that_no_check_vouches_for_waits_for_a_person(room: Room) -> None:
    job = room.run(room.accept(room.put("unknown.png", 3)), room.line)
    assert (job.status, job.review, job.stage) == ("in_progress", "pending", "generate")
    assert "generate" not in room.book.outputs(job.id)
    with room.services.store.read() as session:
        case = session.scalars(select(ReviewCase).where(ReviewCase.item == job.id)).one()
    assert (case.stage, case.kind) == ("reference", "review")
    assert room.book.take(job.id, job.round, "w", ["generate"]) is None, "not before a person"
    room.services.log.write(lambda tx: room.book.decide(tx, job.id, True, "log_1"))
    assert room.book.take(job.id, job.round + 1, "w", ["reference", "generate"]) is not None


def test_a_broken_reference_fails_the_job(room: Room) -> None:
    path = room.services.settings.home / "text.png"
    path.write_text("no picture")
    room.jobs.storage.put("inputs/text.png", path)
    job = room.run(room.accept("inputs/text.png"), room.line)
    assert job.status == "failed"
    assert job.error["code"] == "unreadable_media"


class HoldsTwice(EmptyStages):
    """Holds the job after two of its stages."""

    outputs: ClassVar[dict[str, type[Output]]] = {"generate": Gated, "output": Gated}

    def run(self, stage: str, work: Work) -> Result:
        if stage not in self.outputs:
            return Done(Output())
        signal = Signal.skipped("none", "undecodable", "not_assessed")
        gate = judge(policies.load("default"), Stage.OUTPUT, [signal], Context())
        assert gate.decision.action is Action.REVIEW
        return Held(Gated(judged=(Judged(gate=gate),)))


def test_an_approval_of_one_stage_is_none_of_the_next(room: Room) -> None:
    job = accept(room.book)
    for queue, held_at in ((Queue.GPU, "output"), (Queue.CPU, "encode")):
        held = room.run(job, line_of(HoldsTwice()), queue)
        assert (held.review, held.stage) == ("pending", held_at)
        room.services.log.write(lambda tx: room.book.decide(tx, job.id, True, "log_1"))
    assert room.run(job, line_of(HoldsTwice()), Queue.CPU).status == "completed"
