"""SIGKILL of the serving process and of workers inside the real stages, with a real client.

The client repeats a request under its idempotency key until it is answered, as clients do.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog
from guarded_gen.store import open_store
from guarded_gen.store.tables.jobs import Job, JobStage
from tests.postgres import fresh_database

from .test_kills import ROOT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]
ROUNDS = int(os.environ.get("GUARDED_GEN_REAL_KILLS", "0"))
BODY = {"prompt": "a red ball rolls over green grass", "size": "128x128", "seconds": 0.5}
STAGES = ("generate", "output", "encode", "sign", "publish")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if not ROUNDS:
        pytest.skip("starts a process a round; set GUARDED_GEN_REAL_KILLS=25")
    if request.param == "sqlite":
        yield ""
    else:
        yield fresh_database(request.getfixturevalue("postgres"))


class Processes:
    """One installation's processes, restarted when they are killed."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {
            **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
            "GUARDED_GEN_HOME": str(home), "GUARDED_GEN_DATABASE_URL": url,
            "GUARDED_GEN_POLICY": str(ROOT / "tests/guarded_gen/api/policy.yaml"),
            "GUARDED_GEN_JOBS__DEAD_AFTER_S": "3",
        }  # fmt: skip
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        args = {
            "door": ["serve", "--no-worker", "--port", str(self.port)],
            "worker": ["worker"],
        }[name]
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "guarded_gen.cli", *args], env=self.env, cwd=ROOT,
                stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()

    def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Ask until there is an answer, as long as the door is being restarted."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                answer = httpx.request(
                    method, f"http://127.0.0.1:{self.port}{path}", timeout=60, **more
                )
                if answer.status_code < 500 and answer.status_code != 409:
                    assert answer.status_code == 200, answer.text
                    found: dict[str, Any] = answer.json()
                    return found
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise AssertionError("nobody answers")


def test_killed_doors_and_workers_lose_nothing(url: str, tmp_path: Path) -> None:
    chance = random.Random(11)
    site = Processes(tmp_path, url)
    names = ("door", "worker")
    accepted: dict[str, str] = {}
    killed: Counter[str] = Counter()
    try:
        site.start("door")
        site.call("GET", "/healthz")  # the door makes the database
        site.start("worker")
        for round in range(ROUNDS):
            name = names[round % 2]
            for n in range(2):
                key = f"round{round}-{n}"
                headers = {"idempotency-key": key}
                accepted[key] = site.call("POST", "/v1/videos", json=BODY, headers=headers)["id"]
                if name == "door" and n == 0:
                    site.kill("door")  # the second request meets nobody, and is repeated
                    site.start("door")
            if name == "worker":
                # somewhere in the stages of these jobs
                until_started(site, accepted[f"round{round}-0"])
                time.sleep(chance.uniform(0, 1.5))
                site.kill("worker")
                killed[stage_of(site, accepted[f"round{round}-0"])] += 1
                site.start("worker")
        for key, id in accepted.items():
            again = site.call("POST", "/v1/videos", json=BODY, headers={"idempotency-key": key})
            assert again["id"] == id, "the same key is the same video"
            wait_for(site, id)
    finally:
        for process in site.running.values():
            process.terminate()
        for process in site.running.values():
            process.wait(timeout=120)
    print(f"\n{ROUNDS} kills; the worker died at {dict(killed)}; {len(accepted)} jobs")
    check(tmp_path, url, list(accepted.values()))


def until_started(site: Processes, id: str) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if site.call("GET", f"/v1/videos/{id}")["status"] != "queued":
            return
        time.sleep(0.05)


def stage_of(site: Processes, id: str) -> str:
    video = site.call("GET", f"/v1/videos/{id}")
    return f"{video['status']} {video['progress']} %"


def wait_for(site: Processes, id: str) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end:
        video = site.call("GET", f"/v1/videos/{id}")
        if video["status"] in ("completed", "failed"):
            assert video["status"] == "completed", video
            return
        time.sleep(0.3)
    raise AssertionError(f"{id} does not end: {video}")


def check(home: Path, url: str, ids: list[str]) -> None:
    settings = config.load(home=home, database_url=url)
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    try:
        entries = Counter((entry.kind, entry.body.get("clip")) for entry in log.entries())
        with store.read() as session:
            jobs = {job.id: job for job in session.scalars(select(Job))}
            stages = Counter((row.job, row.stage) for row in session.scalars(select(JobStage)))
        assert sorted(jobs) == sorted(ids), "no job that nobody asked for"
        for id in ids:
            for kind in ("prompt.decision", "clip.generated", "output.decision", "clip.signed",
                         "clip.published"):  # fmt: skip
                assert entries[(kind, id)] == 1, (kind, id, entries[(kind, id)])
            assert entries[("clip.failed", id)] == 0
            assert all(stages[(id, stage)] == 1 for stage in STAGES)
            clips = list((settings.media_folder / "clips" / id).glob("*.mp4"))
            named = jobs[id].assets["video"]["key"]
            assert Path(named).name in {clip.name for clip in clips}
        assert log.verify().ok
    finally:
        log.close()
        store.close()
