"""A new key for the log, while another process goes on writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog, Event, rotate
from guarded_gen.audit.errors import BadNote
from guarded_gen.audit.note import Checkpoint, Verifier, open_note, signed
from guarded_gen.errors import Conflict
from guarded_gen.settings import Settings
from guarded_gen.store import open_store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def opened(settings: Settings) -> AuditLog:
    return AuditLog.open(open_store(settings), settings.keys_folder, "example.com/log")


def close(*logs: AuditLog) -> None:
    for log in logs:
        log.close()
        log.store.close()


def signers(log: AuditLog, *known: Verifier) -> list[Verifier]:
    return open_note(log.snapshot().note, known)[1]


def test_both_sign_during_the_overlap_then_the_new_one_alone(settings: Settings) -> None:
    log, other = opened(settings), opened(settings)
    folder = settings.keys_folder
    log.append(Event("first.one"))
    old = log.keys.signer.verifier
    kept = log.snapshot().note
    with pytest.raises(Conflict):
        rotate.finish(log, folder, "ops")
    new = rotate.begin(log, folder, "ops").verifier
    assert (new.name, new.public != old.public) == (old.name, True)
    with pytest.raises(Conflict):
        rotate.begin(log, folder, "ops")
    other.append(Event("written.by.the.other"))
    assert signers(other, old, new) == [old, new], "a running process follows"
    proof = other.proof(0)
    for key in (old, new):
        assert proof.extra is not None
        proof.verify(proof.extra, key, [])
    assert rotate.finish(other, folder, "ops").verifier.public == new.public
    log.append(Event("written.after"))
    assert signers(log, old, new) == [new]
    kinds = [entry.kind for entry in log.entries()]
    assert kinds[:3] == ["written.after", "log.key_retired", "written.by.the.other"]
    report = other.verify()
    assert report.ok, report.problems
    log.check_against(kept.encode(), report)
    assert report.ok, "a checkpoint of the old key still holds"
    close(log, other)
    again = opened(settings)
    assert again.keys.signer.verifier.public == new.public
    assert again.verify().ok
    close(again)


def test_a_retired_key_signs_nothing_new(settings: Settings) -> None:
    log = opened(settings)
    log.append(Event("first.one"))
    former = log.keys.signer
    rotate.begin(log, settings.keys_folder, "ops")
    rotate.finish(log, settings.keys_folder, "ops")
    size = log.snapshot().size
    log.append(Event("later"))
    forged = Checkpoint(former.name, size + 1, b"\1" * 32).text()
    with pytest.raises(BadNote):
        log.keys.open_own(signed(forged, [former.sign(forged)]))
    true = Checkpoint(former.name, size, b"\2" * 32).text()
    assert log.keys.open_own(signed(true, [former.sign(true)])).size == size
    close(log)


def test_an_interrupted_rotation_is_healed(settings: Settings) -> None:
    log = opened(settings)
    log.append(Event("first.one"))
    old = log.keys.signer.verifier.vkey
    rotate.begin(log, settings.keys_folder, "ops")
    new = rotate.finish(log, settings.keys_folder, "ops").verifier.vkey
    close(log)
    vkey = settings.keys_folder / "audit" / "log.vkey"
    vkey.write_text(old + "\n")
    again = opened(settings)
    assert again.verify().ok
    assert vkey.read_text() == new + "\n"
    close(again)
