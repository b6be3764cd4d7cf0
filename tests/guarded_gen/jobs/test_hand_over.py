"""Machines that share a database and an object store, and no disk."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from guarded_gen import settings as config
from guarded_gen.composition.lines import durable_line
from guarded_gen.composition.services import Services
from guarded_gen.jobs import Jobs, Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.production.line import Line
from guarded_gen.production.publish import Publish
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Work
from guarded_gen.telemetry import Metrics
from tests import buckets
from tests.guarded_gen.api.live import serving, settings_for


class PowerCut(BaseException):
    """This machine is gone; no handler of errors runs."""


@dataclass(frozen=True, slots=True)
class Dying(Publish):
    def run(self, work: Work) -> Done:
        raise PowerCut


def dying(line: Line) -> Line:
    """The real line on a machine that dies when it should publish."""
    *others, last = line.stages
    assert isinstance(last, Publish)
    return replace(line, stages=(*others, Dying(last.files, last.place)))


class Machine:
    """A worker with a disk of its own; the keys are a copy of the first machine's."""

    def __init__(self, settings: config.Settings, change: Callable[[Line], Line]) -> None:
        self.services = Services(settings)
        self.jobs = Jobs(settings, self.services.store, self.services.log)
        self._line = change(durable_line(self.services, self.jobs, share=True))
        self._name = settings.home.name

    def run(self, id: str, queue: Queue) -> str:
        runner = Runner(
            self.jobs.book, self._line, Metrics(), self._name, timeout_s=600, max_tries=5
        )
        return runner.run(id, 0, queue)

    def close(self) -> None:
        self.jobs.close()
        self.services.close()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[dict[str, Any]]:
    with buckets.running() as store:
        yield {**store, "database_url": f"sqlite:///{tmp_path / 'shared.db'}"}


def test_one_machine_renders_one_signs_one_publishes_one_serves(
    shared: dict[str, Any], tmp_path: Path
) -> None:
    machines: list[Machine] = []

    def machine(name: str, change: Callable[[Line], Line] = lambda line: line) -> Machine:
        shutil.copytree(door.keys_folder, tmp_path / name / "keys")
        machines.append(Machine(settings_for(tmp_path / name, **shared), change))
        return machines[-1]

    door = settings_for(tmp_path / "door", **shared)
    with (
        serving(door, worker=False) as (url, app),
        OpenAI(base_url=f"{url}/v1", api_key="none") as client,
    ):
        _ = app.state.api.services.watermark_keys
        video: Any = client.videos.create(
            prompt="a red ball rolls over green grass",
            extra_body={"size": "128x128", "seconds": "1"},
        )
        try:
            assert machine("renders").run(video.id, Queue.GPU) == Queue.CPU
            shutil.rmtree(tmp_path / "renders" / "work")
            with pytest.raises(PowerCut):
                machine("signs", dying).run(video.id, Queue.CPU)
            shutil.rmtree(tmp_path / "signs" / "work")
            assert client.videos.retrieve(video.id).status == "in_progress"
            machine("publishes").run(video.id, Queue.CPU)

            done: Any = client.videos.retrieve(video.id)
            assert done.status == "completed", done
            clip = client.videos.download_content(video.id).read()
            assert hashlib.sha256(clip).hexdigest() == done.model_extra["provenance"]["sha256"]
            check = client.content_provenance_checks.create(file=("c.mp4", clip))
            assert check.results[0].validation_state == "trusted"
            for variant in ("thumbnail", "spritesheet"):
                picture = client.videos.download_content(video.id, variant=variant).read()
                assert picture.startswith(b"\xff\xd8")
            workers = [row["worker"] for row in finished(machines[-1], video.id)]
            assert workers == ["renders", "signs", "signs", "signs", "publishes"]
            files = machines[-1].jobs.storage._fs.find("clips")
            assert not [name for name in files if "/drafts/" in name], "nothing unsigned stays"
            assert all(name.startswith(f"clips/clips/{video.id}/") for name in files)
            assert app.state.api.services.log.verify().ok
        finally:
            for each in machines:
                each.close()


def finished(machine: Machine, id: str) -> list[dict[str, Any]]:
    from sqlalchemy import select

    from guarded_gen.store.tables.jobs import JobStage

    with machine.jobs.store.read() as session:
        rows = session.scalars(
            select(JobStage).where(JobStage.job == id, JobStage.worker != "door")
        ).all()
    order = ["generate", "output", "encode", "sign", "publish"]
    return [
        {"stage": row.stage, "worker": row.worker}
        for row in sorted(rows, key=lambda row: order.index(row.stage))
    ]
