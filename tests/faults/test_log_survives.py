"""The log under faults: processes are really killed, the disk really is full.

By default a few rounds; ``GUARDED_GEN_KILL_ROUNDS=100`` runs as many on each database.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.audit.errors import LogCorrupt, StorageFailed
from guarded_gen.audit.proof import Prover, verify_consistency
from guarded_gen.audit.tiles import tile_reader
from tests.faults import log_worker
from tests.postgres import fresh_database, running
from tests.waiting import PATIENCE_S, until

ROUNDS = int(os.environ.get("GUARDED_GEN_KILL_ROUNDS", "4"))

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def spawn() -> Callable[..., tuple[BaseProcess, int]]:
    """Start a child; gives it and the reading end of its pipe."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.log_worker"])

    def start(
        target: Callable[..., None], *args: object, **more: object
    ) -> tuple[BaseProcess, int]:
        read, write = os.pipe()
        process = context.Process(
            target=log_worker.with_pipe, args=(target, args, log_worker.Pipe(write), more)
        )
        process.start()
        os.close(write)
        return process, read

    return start


def acknowledged(read: int) -> list[str]:
    """The whole lines that a (dead) child wrote."""
    data = b""
    while part := os.read(read, 1 << 16):
        data += part
    os.close(read)
    return data.decode().split("\n")[:-1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(lambda: tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture
def postgres(server: str) -> str:
    return fresh_database(server)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture
def log(tmp_path: Path, url: str) -> Iterator[AuditLog]:
    log = log_worker.opened(str(tmp_path), url)
    with log.store.write() as session:
        session.execute(text("CREATE TABLE thing (id VARCHAR(48) PRIMARY KEY)"))
    yield log
    log.close()
    log.store.close()


def check(log: AuditLog, promised: set[str]) -> int:
    """Nothing promised is lost, the tree is right, and state and entries agree."""
    report = log.verify()
    assert report.ok, report
    there = {entry.id: entry for entry in log.entries()}
    assert len(there) == report.size
    assert promised <= there.keys()
    with log.store.read() as session:
        state = set(session.execute(text("SELECT id FROM thing")).scalars())
    with_state = {
        id for id, e in there.items() if e.kind == "prompt.decision" and e.body["n"] % 3 == 0
    }
    assert state == with_state
    return report.size


def test_killed_processes_lose_nothing_that_was_promised(
    log: AuditLog, url: str, tmp_path: Path, spawn: Callable[..., tuple[BaseProcess, int]]
) -> None:
    chance = random.Random(9)
    promised: set[str] = set()
    before = log.snapshot()
    lost_in_the_middle = 0
    for round_ in range(ROUNDS):
        children = [
            spawn(log_worker.submit_for_ever, str(tmp_path), url) for _ in range(1 + round_ % 2)
        ]
        for _, read in children:
            # under load when it works, not while it starts
            select.select([read], [], [], PATIENCE_S)
        time.sleep(chance.uniform(0, 0.4))
        for process, _ in children:
            process.kill()
        for process, read in children:
            process.join()
            assert process.exitcode == -9
            promised |= set(acknowledged(read))
        if url:
            log.append(Event("after.kill"))  # integrates what the dead left in the outbox
        after = log.snapshot()
        with log.reading() as connection:
            proof = Prover(tile_reader(connection, after)).consistency(before.size, after.size)
        verify_consistency(before.size, after.size, before.root, after.root, proof)
        before = after
        lost_in_the_middle += 1
    size = check(log, promised)
    print(
        f"\n{url[:10] or 'sqlite'}: {lost_in_the_middle} kills, {len(promised)} promised,"
        f" {size} in the log"
    )
    assert promised


def test_two_processes_write_one_tree(
    log: AuditLog, url: str, tmp_path: Path, spawn: Callable[..., tuple[BaseProcess, int]]
) -> None:
    children = [spawn(log_worker.submit_for_ever, str(tmp_path), url, count=25) for _ in range(2)]
    promised: set[str] = set()
    for process, read in children:
        promised |= set(acknowledged(read))
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    assert len(promised) == 2 * log_worker.THREADS * 25
    assert check(log, promised) == len(promised)


def test_a_full_disk_is_told_and_leaves_the_tree_whole(
    tmp_path: Path, spawn: Callable[..., tuple[BaseProcess, int]]
) -> None:
    process, read = spawn(log_worker.run_into_a_full_disk, str(tmp_path))
    told, *promised = acknowledged(read)
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    assert told.startswith("storage_failed: ")
    assert 3 <= len(promised) < 200
    log = log_worker.opened(str(tmp_path), "")
    report = log.verify()
    assert report.ok, report
    assert {entry.id for entry in log.entries()} >= set(promised)
    log.close()
    log.store.close()


def more_than(promised: list[str], before: int) -> Callable[[], bool]:
    return lambda: len(promised) > before


def test_a_database_that_throws_connections_out_breaks_no_promise(
    tmp_path: Path, postgres: str
) -> None:
    log = log_worker.opened(str(tmp_path), postgres)
    promised: list[str] = []
    refused: list[StorageFailed] = []
    stop = threading.Event()
    thrown = 0

    def submit() -> None:
        while not stop.is_set():
            try:
                promised.append(log.append(Event("a.b", subject="s", payload="p")))
            except StorageFailed as error:
                refused.append(error)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    with psycopg.connect(postgres, autocommit=True) as connection:
        for _ in range(5):
            # each time they are thrown out at work, and have come back before the next
            until(more_than(promised, len(promised)), "a promise")
            thrown += connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).rowcount
        until(more_than(promised, len(promised)), "a promise")
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    report = log.verify()
    assert report.ok, report
    assert {entry.id for entry in log.entries()} >= set(promised)
    assert thrown >= 5
    log.close()
    log.store.close()


def test_a_corrupted_tile_is_told_and_never_proven_with(tmp_path: Path) -> None:
    log = log_worker.opened(str(tmp_path), "")
    log.write(lambda tx: [tx.append(Event("a.b", body={"n": n})) for n in range(600)])
    good = log.snapshot()
    with log.store.write() as session:
        tile = bytearray(
            session.execute(
                text("SELECT hashes FROM audit_tile WHERE level = 0 AND n = 0")
            ).scalar_one()
        )
        tile[77] ^= 4
        session.execute(
            text("UPDATE audit_tile SET hashes = :t WHERE level = 0 AND n = 0"), {"t": bytes(tile)}
        )
    with pytest.raises(LogCorrupt):
        log.proof(5)
    assert log.proof(599).path
    log.append(Event("a.b", body={"n": 600}))
    report = log.verify()
    assert report.first is not None
    assert (report.first.what, report.first.where) == ("tile", "tile 0/0")
    # What was signed meanwhile is the true tree: its right edge, not the damaged tile, made it.
    from guarded_gen.audit.merkle import leaf_hash, root_of

    with pytest.raises(LogCorrupt):
        list(log.entries(Query(oldest_first=True)))
    assert log.rebuild_tiles() == 1
    entries = list(log.entries(Query(oldest_first=True)))
    leaves = [leaf_hash(entry.data) for entry in entries]
    assert log.snapshot().root == root_of(leaves)
    assert good.root == root_of(leaves[:600])
    assert log.verify().ok
    log.close()
    log.store.close()


def test_tiles_are_not_rebuilt_from_altered_entries(tmp_path: Path) -> None:
    log = log_worker.opened(str(tmp_path), "")
    log.write(lambda tx: [tx.append(Event("a.b", body={"n": n})) for n in range(300)])
    with log.store.write() as session:
        session.execute(text("UPDATE audit_entry SET data = x'7b7d' WHERE idx = 3"))
        session.execute(text("DELETE FROM audit_tile"))
    with pytest.raises(LogCorrupt):
        log.rebuild_tiles()
    log.close()
    log.store.close()
