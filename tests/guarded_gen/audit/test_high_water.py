"""An old copy of the database is noticed from outside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.audit.erasure import erase, erase_again
from guarded_gen.audit.errors import LogRolledBack, PayloadErased
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

Home = Callable[..., AuditLog]


@pytest.fixture
def open_home(tmp_path: Path):
    opened: list[AuditLog] = []

    def open_(*, rolled_back: bool = False) -> AuditLog:
        settings = Settings(home=tmp_path / "home")
        log = AuditLog.open(
            open_store(settings), settings.keys_folder, "example.com/log",
            settings.high_water_folder, rolled_back=rolled_back,
        )  # fmt: skip
        opened.append(log)
        return log

    yield open_
    for log in opened:
        shut(log)


def shut(log: AuditLog) -> None:
    log.close()
    log.store.close()


def decision(subject: str = "bob") -> Event:
    return Event("prompt.decision", subject=subject, decision={"action": "allow"}, payload="words")


def back_up(home: Path) -> Path:
    return Path(shutil.copy(home / "guarded-gen.db", home.parent / "back-up.db"))


def restore(home: Path, copy: Path) -> None:
    for path in home.glob("guarded-gen.db*"):
        path.unlink()
    shutil.copy(copy, home / "guarded-gen.db")


def test_a_restored_older_database_is_refused_and_told(open_home: Home, tmp_path: Path) -> None:
    home = tmp_path / "home"
    log = open_home()
    log.append(decision())
    shut(log)
    copy = back_up(home)
    log = open_home()
    log.append(decision())
    shut(log)
    restore(home, copy)
    with pytest.raises(LogRolledBack, match="once had 2 entries, now it has 1"):
        open_home()
    looking = open_home(rolled_back=True)
    report = looking.verify()
    assert [p.where for p in report.problems] == ["high-water mark"]
    assert looking.accept_rollback("ops", "the disk died")
    assert looking.verify().ok
    shut(looking)
    again = open_home()
    assert next(again.entries()).kind == "log.rolled_back"


def test_another_history_of_the_same_length_is_told(open_home: Home, tmp_path: Path) -> None:
    home = tmp_path / "home"
    log = open_home()
    log.append(decision())
    shut(log)
    copy = back_up(home)
    log = open_home()
    log.append(decision("alice"))
    shut(log)
    restore(home, copy)
    forked = open_home(rolled_back=True)
    forked.append(decision("mallory"))
    forked.append(decision("mallory"))
    shut(forked)
    with pytest.raises(LogRolledBack, match="not those that were signed"):
        open_home()


def test_a_database_that_vanished_is_no_new_log(open_home: Home, tmp_path: Path) -> None:
    log = open_home()
    log.append(decision())
    shut(log)
    for path in (tmp_path / "home").glob("guarded-gen.db*"):
        path.unlink()
    with pytest.raises(LogRolledBack):
        open_home()


def test_an_erasure_is_done_again_after_a_restore(open_home: Home, tmp_path: Path) -> None:
    home = tmp_path / "home"
    log = open_home()
    id = log.append(decision())
    shut(log)
    copy = back_up(home)
    log = open_home()
    erase(log, "bob", "default", "ops", "asked")
    shut(log)
    restore(home, copy)
    log = open_home(rolled_back=True)
    assert log.payload(id) == b"words"
    log.accept_rollback("ops", "the disk died")
    assert erase_again(log, "ops") == 1
    with pytest.raises(PayloadErased):
        log.payload(id)
    assert log.verify().ok
    assert erase_again(log, "ops") == 0
    shut(log)
    assert next(open_home().entries()).kind == "payload.erasure_completed"


def test_no_restored_log_opens_before_its_erasures_are_done(
    open_home: Home, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    log = open_home()
    id = log.append(decision())
    shut(log)
    copy = back_up(home)
    log = open_home()
    erase(log, "bob", "default", "ops", "asked")
    shut(log)
    restore(home, copy)
    accepting = open_home(rolled_back=True)
    accepting.accept_rollback("ops", "the disk died")
    shut(accepting)  # killed before it could erase again
    log = open_home()
    with pytest.raises(PayloadErased):
        log.payload(id)
    again = next(log.entries(Query(kind="payload.erased")))
    assert (again.actor, log.verify().ok) == ("log", True)
    size = log.snapshot().size
    shut(log)
    assert open_home().snapshot().size == size, "once is enough"
