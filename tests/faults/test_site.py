"""docs/operate.md, followed: PostgreSQL, S3, two API processes, three workers, one killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests import buckets
from tests.postgres import fresh_database

from .test_kills import ROOT

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        not os.environ.get("GUARDED_GEN_SITE"), reason="six processes; set GUARDED_GEN_SITE=1"
    ),
    pytest.mark.timeout(900),
]
CLIPS = int(os.environ.get("GUARDED_GEN_SITE_CLIPS", "4"))


@pytest.fixture
def bucket() -> Iterator[dict[str, Any]]:
    with buckets.running() as store:
        yield store


def test_two_doors_three_workers_one_killed(
    postgres: str, bucket: dict[str, Any], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        "GUARDED_GEN_HOME": str(home),
        "GUARDED_GEN_DATABASE_URL": fresh_database(postgres),
        "GUARDED_GEN_POLICY": str(ROOT / "tests/guarded_gen/api/policy.yaml"),
        "GUARDED_GEN_STORAGE_URL": bucket["storage_url"],
        "GUARDED_GEN_STORAGE_OPTIONS": json.dumps(bucket["storage_options"]),
    }  # fmt: skip

    def run(*args: str) -> subprocess.Popen[bytes]:
        name = "-".join(a.strip("-") for a in args if not a.startswith("/"))[:40]
        with (tmp_path / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "guarded_gen.cli", *args], env=env, cwd=ROOT, stderr=log,
                stdout=log,
            )  # fmt: skip

    made = subprocess.run(
        [sys.executable, "-m", "guarded_gen.cli", "keys", "create", "--json", "--scopes",
         "generate,verify,moderate"],
        env=env, cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    key = json.loads(made.stdout)["key"]
    ports = [18_200 + os.getpid() % 500, 18_800 + os.getpid() % 500]
    doors = [run("serve", "--no-worker", "--host", "127.0.0.1", "--port", str(p)) for p in ports]
    workers = [run("worker", "--queues", "gpu,cpu") for _ in range(3)]
    try:
        for port in ports:
            wait_for(port)
        clients = [
            OpenAI(base_url=f"http://127.0.0.1:{p}/v1", api_key=key, max_retries=5) for p in ports
        ]
        ids = [
            clients[n % 2].videos.create(
                prompt=f"a red ball number {n} rolls over green grass",
                extra_body={"size": "256x256", "seconds": "2"},
            ).id
            for n in range(CLIPS)
        ]  # fmt: skip
        victim = busy_worker(home, clients[0], ids, workers)
        victim.send_signal(signal.SIGKILL)
        doors[1].terminate()  # and one door is replaced while jobs run
        for id in ids:
            video: Any = clients[0].videos.poll(id, poll_interval_ms=300)
            assert video.status == "completed", video
            clip = clients[0].videos.download_content(id).read()
            assert clip[4:8] == b"ftyp"
        check = clients[0].content_provenance_checks.create(file=("c.mp4", clip))
        assert check.results[0].validation_state == "trusted"
    finally:
        for process in (*doors, *workers):
            if process.poll() is None:
                process.terminate()
        for process in (*doors, *workers):
            process.wait(timeout=90)
    verified = subprocess.run(
        [sys.executable, "-m", "guarded_gen.cli", "audit", "verify", "--json"],
        env=env, cwd=ROOT, capture_output=True,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout.decode()


def wait_for(port: int) -> None:
    end = time.monotonic() + 400
    while time.monotonic() < end:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"nobody answers on {port}")


def busy_worker(
    home: Path, client: OpenAI, ids: list[str], workers: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """A worker that is in the middle of a job (by its files); any, when all were too quick."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if any(client.videos.retrieve(id).status == "in_progress" for id in ids):
            break
        time.sleep(0.1)
    return workers[0]
