"""The tampering matrix: each alteration of the database is named by ``verify``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, sweep
from guarded_gen.audit.merkle import HASH_BYTES

SIZE = 600


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    def work(tx):
        for n in range(SIZE):
            tx.append(
                Event(
                    "prompt.decision",
                    subject=f"user{n % 7}",
                    decision={"action": "allow"},
                    payload=f"prompt {n}",
                )
            )

    log.write(work)
    log.append(Event("last.one"))
    assert log.verify().ok
    log.close()
    return log


def alter(log: AuditLog, sql: str, **values: object) -> None:
    with log.store.write() as session:
        assert session.execute(text(sql), values).rowcount == 1  # type: ignore[attr-defined]


def flip(log: AuditLog, table: str, column: str, where: str, at: int) -> None:
    with log.store.write() as session:
        row = session.execute(text(f"SELECT {column} FROM {table} WHERE {where}")).scalar_one()
        if isinstance(row, str):
            changed: object = row[:at] + chr(ord(row[at]) ^ 1) + row[at + 1 :]
        else:
            data = bytearray(row)
            data[at] ^= 1
            changed = bytes(data)
        session.execute(text(f"UPDATE {table} SET {column} = :v WHERE {where}"), {"v": changed})


def edit_entry(log: AuditLog) -> None:
    alter(
        log,
        "UPDATE audit_entry SET data = CAST(replace(CAST(data AS TEXT), '\"allow\"', '\"block\"')"
        " AS BLOB), action = 'block' WHERE idx = 300",
    )


def edit_column(log: AuditLog) -> None:
    alter(log, "UPDATE audit_entry SET action = 'block' WHERE idx = 301")


def delete_entry(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_entry WHERE idx = 302")


def edit_full_tile(log: AuditLog) -> None:
    flip(log, "audit_tile", "hashes", "level = 0 AND n = 1", 47 * HASH_BYTES)


def delete_full_tile(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_tile WHERE level = 0 AND n = 0")


def edit_edge(log: AuditLog) -> None:
    flip(log, "audit_tree", "edge", "id = 1", 2 + 5 * HASH_BYTES)


def edit_upper_edge(log: AuditLog) -> None:
    with log.store.read() as session:
        edge = session.execute(text("SELECT edge FROM audit_tree")).scalar_one()
    flip(log, "audit_tree", "edge", "id = 1", len(edge) - 1)


def edit_signature(log: AuditLog) -> None:
    with log.store.read() as session:
        note = session.execute(text("SELECT note FROM audit_tree")).scalar_one()
    flip(log, "audit_tree", "note", "id = 1", len(note) - 20)


def edit_kept_checkpoint(log: AuditLog) -> None:
    flip(log, "audit_checkpoint", "note", f"size = {SIZE + 1}", 20)


def edit_payload(log: AuditLog) -> None:
    flip(log, "audit_payload", "sealed", "idx = 303", 60)


def delete_payload(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_payload WHERE idx = 304")


def swap_payloads(log: AuditLog) -> None:
    with log.store.write() as session:
        a, b = (
            session.execute(
                text("SELECT sealed FROM audit_payload WHERE idx = :i"), {"i": i}
            ).scalar_one()
            for i in (7, 14)
        )
        for i, sealed in ((7, b), (14, a)):
            session.execute(
                text("UPDATE audit_payload SET sealed = :s WHERE idx = :i"), {"s": sealed, "i": i}
            )


def delete_subject_key(log: AuditLog) -> None:
    subject = log.entry(0).subject
    alter(log, "DELETE FROM audit_subject_key WHERE subject = :s", s=subject)


def add_entry(log: AuditLog) -> None:
    alter(
        log,
        "INSERT INTO audit_entry SELECT idx + 1, 'log_forged', time, kind, tenant, subject,"
        f" action, data FROM audit_entry WHERE idx = {SIZE}",
    )


def prune_without_telling(log: AuditLog) -> None:
    alter(log, "UPDATE audit_tree SET minimum = 10 WHERE id = 1")


MATRIX: list[tuple[Callable[[AuditLog], None], str, str]] = [
    (edit_entry, "entry", "audit_entry idx 300"),
    (edit_column, "entry", "audit_entry idx 301"),
    (delete_entry, "entry", "audit_entry idx 302"),
    (edit_full_tile, "tile", "tile 0/1"),
    (delete_full_tile, "tile", "tile 0/0"),
    (edit_edge, "tile", "right edge"),
    (edit_upper_edge, "tile", "right edge"),
    (edit_signature, "checkpoint", "audit_tree row 1"),
    (edit_kept_checkpoint, "checkpoint", f"audit_checkpoint size {SIZE + 1}"),
    (edit_payload, "payload", "audit_payload idx 303"),
    (delete_payload, "payload", "audit_payload idx 304"),
    (swap_payloads, "payload", "audit_payload idx 7"),
    (delete_subject_key, "payload", "audit_payload idx 0"),
    (add_entry, "entry", f"audit_entry idx {SIZE + 1}"),
    (prune_without_telling, "tree", "audit_tree row 1"),
]


@pytest.mark.parametrize(("tamper", "what", "where"), MATRIX, ids=[m[0].__name__ for m in MATRIX])
def test_every_alteration_is_named(
    filled: AuditLog, tamper, what: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The sweep's workers as threads: what they check is the same, and starting them is quick.
    monkeypatch.setattr(
        sweep,
        "ProcessPoolExecutor",
        lambda workers, context, begin, args: ThreadPoolExecutor(1, "", begin, args),
    )
    tamper(filled)
    report = filled.verify(workers=0)
    assert filled.verify(workers=1) == report
    assert report.first is not None
    assert (report.first.what, report.first.where.startswith(where)) == (what, True), report
    assert {problem.where for problem in report.problems if problem.what != what} == set(), report


def test_worker_processes_find_what_one_pass_finds(filled: AuditLog) -> None:
    seen: list[int] = []
    swept = filled.verify(lambda done, total: seen.append(done), workers=2)
    assert swept == filled.verify(workers=0)
    assert (swept.entries, swept.payloads, seen) == (SIZE + 1, SIZE, [SIZE + 1])


def test_a_rolled_back_log_does_not_fit_a_kept_checkpoint(filled: AuditLog) -> None:
    # What a restored backup looks like when somebody kept the newer checkpoint row.
    flip(filled, "audit_tree", "note", "id = 1", 0)
    with filled.store.write() as session:
        session.execute(text("UPDATE audit_checkpoint SET size = size + 5"))
    report = filled.verify()
    assert {p.what for p in report.problems} == {"checkpoint"}
