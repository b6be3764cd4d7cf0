"""Writing: one transaction for state and entry, and the promise at its end."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query, Transaction
from guarded_gen.audit.errors import EntryTooLarge, KeyMissing, LogClosed
from guarded_gen.audit.merkle import leaf_hash, root_of
from guarded_gen.audit.note import Checkpoint, open_note
from guarded_gen.errors import ConfigInvalid, InvalidInput, LogCorrupt, NotFound


def decision(**more: object) -> Event:
    return Event(
        "prompt.decision",
        subject="bob@example.com",
        decision={"action": "block", "rule_id": "r1", "scores": {"violence": 0.91}},
        payload="a secret prompt",
        **more,  # type: ignore[arg-type]
    )


def test_an_entry_is_durable_integrated_and_signed_when_append_returns(any_log: AuditLog) -> None:
    id = any_log.append(decision())
    entry = any_log.entry(id)
    snapshot = any_log.snapshot()
    note, _ = open_note(snapshot.note, [any_log.keys.signer.verifier])
    assert Checkpoint.parse(note.text) == Checkpoint("example.com/log", 1, leaf_hash(entry.data))
    assert id.startswith("dec_")
    assert entry.action == "block"
    assert any_log.verify().ok


def test_the_entry_holds_neither_subject_nor_payload(any_log: AuditLog) -> None:
    entry = any_log.entry(any_log.append(decision()))
    assert b"bob" not in entry.data
    assert b"secret" not in entry.data
    assert any_log.payload(entry.id) == b"a secret prompt"
    with any_log.reading() as connection:
        for table in ("audit_payload", "audit_subject_key"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert rows
            assert b"secret" not in repr(rows).encode()


def test_state_and_entry_share_one_transaction(any_log: AuditLog) -> None:
    with any_log.store.write() as session:
        session.execute(text("CREATE TABLE thing (name VARCHAR(9) PRIMARY KEY)"))

    def work(tx: Transaction) -> str:
        tx.session.execute(text("INSERT INTO thing VALUES ('a')"))
        return tx.append(Event("thing.made"))

    def broken(tx: Transaction) -> None:
        tx.append(Event("thing.made"))
        tx.session.execute(text("INSERT INTO thing VALUES ('b')"))
        raise RuntimeError("changed my mind")

    id = any_log.write(work)
    with pytest.raises(RuntimeError, match="changed my mind"):
        any_log.write(broken)
    assert [entry.id for entry in any_log.entries()] == [id]
    with any_log.store.read() as session:
        assert session.execute(text("SELECT name FROM thing")).scalars().all() == ["a"]
    assert any_log.verify().ok


def test_a_neighbours_failure_in_the_same_batch_is_his_own(log: AuditLog) -> None:
    with log.store.write() as session:
        session.execute(text("CREATE TABLE thing (name VARCHAR(9) PRIMARY KEY)"))
    gate = threading.Event()
    errors: list[BaseException] = []

    def insert(tx: Transaction) -> None:
        tx.session.execute(text("INSERT INTO thing VALUES ('same')"))
        tx.append(Event("thing.made"))

    def attempt() -> None:
        try:
            log.write(insert)
        except Exception as error:  # noqa: BLE001 - counted below
            errors.append(error)

    first = threading.Thread(target=lambda: log.write(lambda tx: gate.wait(10)))
    first.start()
    rest = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in rest:
        thread.start()
    gate.set()
    for thread in (first, *rest):
        thread.join()
    assert len(errors) == 7
    assert len(list(log.entries())) == 1
    assert log.verify().ok


def test_many_threads_and_an_event_loop_write_at_once(any_log: AuditLog) -> None:
    ids: list[str] = []

    def submit(worker: int) -> None:
        for n in range(20):
            ids.append(any_log.append(Event("job.accepted", body={"worker": worker, "n": n})))

    async def loop() -> list[str]:
        events = (Event("job.done", body={"n": n}) for n in range(20))
        return await asyncio.gather(*(any_log.append_async(event) for event in events))

    threads = [threading.Thread(target=submit, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    ids += asyncio.run(loop())
    for thread in threads:
        thread.join()
    entries = list(any_log.entries(Query(oldest_first=True)))
    assert sorted(ids) == sorted(entry.id for entry in entries)
    assert [entry.index for entry in entries] == list(range(100))
    assert any_log.snapshot().root == root_of(leaf_hash(entry.data) for entry in entries)
    assert any_log.verify().ok


def test_two_openings_of_one_log_take_turns(any_log: AuditLog, open_log, database_url) -> None:
    other = open_log(database_url)
    for n in range(6):
        (any_log if n % 2 else other).append(decision(body={"n": n}))
    assert any_log.snapshot() == other.snapshot()
    assert [e.body["n"] for e in other.entries()] == [5, 4, 3, 2, 1, 0]
    assert any_log.verify().ok


def test_ids_sort_like_the_log(log: AuditLog) -> None:
    ids = log.write(lambda tx: [tx.append(Event("a.b")) for _ in range(2000)])
    assert ids == sorted(ids)
    assert len(set(ids)) == 2000


def test_an_entry_too_large_for_a_bundle_is_refused_and_nothing_is_written(log: AuditLog) -> None:
    with pytest.raises(EntryTooLarge) as caught:
        log.append(Event("a.b", body={"text": "x" * 66_000}))
    assert caught.value.remedy
    assert log.snapshot().size == 0


@pytest.mark.parametrize(
    "bad", [{"kind": "No Kind"}, {"kind": "a.b", "tenant": ""}, {"kind": "a.b", "actor": "x" * 200}]
)
def test_a_malformed_event_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Event(**bad)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x", "\ud800"])
def test_what_is_not_json_is_refused(log: AuditLog, value: object) -> None:
    with pytest.raises(InvalidInput):
        log.append(Event("a.b", body={"value": value}))


def test_a_seed_past_2_53_keeps_its_digits(log: AuditLog) -> None:
    entry = log.entry(log.append(Event("a.b", body={"seed": 2**63 - 1})))
    assert entry.body == {"seed": str(2**63 - 1)}


def test_writing_again_from_inside_is_an_error_not_a_deadlock(log: AuditLog) -> None:
    with pytest.raises(RuntimeError, match="use its transaction"):
        log.write(lambda tx: log.append(Event("a.b")))
    log.append(Event("a.b"))


def test_unknown_entries_are_not_found(any_log: AuditLog) -> None:
    for key in ("dec_" + "0" * 32, "nonsense", 7):
        with pytest.raises(NotFound):
            any_log.entry(key)


def test_reading_a_payload_for_a_person_goes_on_record_first(log: AuditLog) -> None:
    id = log.append(decision())
    assert log.reveal(id, actor="alice", reason="appeal 17") == b"a secret prompt"
    newest = next(log.entries())
    assert (newest.kind, newest.actor, newest.related) == ("payload.read", "alice", id)


def test_a_closed_log_says_so(log: AuditLog) -> None:
    log.append(Event("a.b"))
    log.close()
    with pytest.raises(LogClosed):
        log.append(Event("a.b"))


def test_lost_keys_are_not_replaced_in_silence(open_log, tmp_path) -> None:
    log = open_log()
    log.append(decision())
    (tmp_path / "keys" / "audit" / "log.pem").unlink()
    with pytest.raises(KeyMissing):
        open_log()


def test_another_origin_is_refused(open_log) -> None:
    open_log()
    with pytest.raises(ConfigInvalid):
        open_log(origin="example.com/other")


def test_a_damaged_edge_is_refused_before_anything_is_signed(open_log, database_url) -> None:
    log = open_log(database_url)
    for n in range(3):
        log.append(Event("a.b", body={"n": n}))
    log.close()
    with log.store.write() as session:
        edge = bytearray(session.execute(text("SELECT edge FROM audit_tree")).scalar_one())
        edge[5] ^= 1
        session.execute(text("UPDATE audit_tree SET edge = :e"), {"e": bytes(edge)})
    again = open_log(database_url)
    if again.store.dialect == "sqlite":
        with pytest.raises(LogCorrupt):
            again.append(Event("a.b"))
    assert again.snapshot().size == 3
    assert not again.verify().ok


def test_keys_are_private(log: AuditLog, tmp_path) -> None:
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "keys" / "audit").iterdir()}
    assert modes == {
        "log.pem": 0o600,
        "log.vkey": 0o644,
        "seal.key": 0o600,
        "subject.key": 0o600,
    }


def test_a_clock_that_went_back_is_told(log: AuditLog, monkeypatch) -> None:
    log.append(Event("a.b"))
    import guarded_gen.audit.integrate as integrate
    import guarded_gen.audit.log as log_module
    from guarded_gen.audit.ids import now_ms

    for module in (integrate, log_module):
        monkeypatch.setattr(module, "now_ms", lambda: now_ms() - 3_600_000)
    log.append(Event("a.b"))
    log.append(Event("a.b"))
    kinds = [entry.kind for entry in log.entries(Query(oldest_first=True))]
    assert kinds == ["a.b", "log.clock_went_back", "a.b", "a.b"]
    ids = [entry.id for entry in log.entries(Query(oldest_first=True))]
    assert len(set(ids)) == 4
    assert log.verify().ok


def test_entries_are_canonical_json(log: AuditLog) -> None:
    import rfc8785

    data = log.entry(log.append(decision(body={"z": 1.0, "a": 1e-7, "ü": "€"}))).data
    assert data == rfc8785.dumps(json.loads(data))
