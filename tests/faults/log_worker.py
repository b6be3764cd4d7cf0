"""What the killed processes run. Imported by a fork server, so that a child starts at once."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.audit.errors import StorageFailed
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

THREADS = 4


def opened(home: str, url: str) -> AuditLog:
    settings = Settings(home=Path(home), database_url=url)
    return AuditLog.open(open_store(settings), settings.keys_folder, "example.com/log")


def submit_for_ever(home: str, url: str, acknowledge: int, count: int = 2**60) -> None:
    """Append in several threads; an entry's id goes into the pipe once it is promised."""
    log = opened(home, url)

    def submit(worker: int) -> None:
        for n in range(count):
            event = Event(
                "prompt.decision",
                subject=f"s{n % 50}",
                decision={"action": "allow", "rule_id": f"r{worker}"},
                body={"worker": worker, "n": n, "pid": os.getpid()},
                payload=f"payload {n}",
            )
            if n % 3:
                id = log.append(event)
            else:
                id = log.write(lambda tx, event=event: with_state(tx, event))
            os.write(acknowledge, f"{id}\n".encode())

    threads = [threading.Thread(target=submit, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    log.store.close()


def with_state(tx: Transaction, event: Event) -> str:
    from sqlalchemy import text

    id = tx.append(event)
    tx.session.execute(text("INSERT INTO thing (id) VALUES (:id)"), {"id": id})
    return id


def run_into_a_full_disk(home: str, acknowledge: int) -> None:
    """Append until the files may not grow, then again after they may."""
    log = opened(home, "")
    big = {"fill": "x" * 30_000}
    ids = [log.append(Event("a.b", body=big))]
    size = max(path.stat().st_size for path in Path(home).glob("guarded-gen.db*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000, resource.RLIM_INFINITY))
    told = ""
    for _ in range(200):
        try:
            ids.append(log.append(Event("a.b", body=big)))
        except StorageFailed as error:
            told = f"{error.code}: {error.remedy}"
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ids.append(log.append(Event("a.b", body={"after": True})))
    os.write(acknowledge, ("\n".join([told, *ids]) + "\n").encode())
    log.close()
    log.store.close()


class Pipe:
    """A file descriptor that travels to the child."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[object, ...]:
        from multiprocessing.reduction import DupFd

        return (_detach, (DupFd(self.descriptor),))


def _detach(duplicate: object) -> int:
    return duplicate.detach()  # type: ignore[attr-defined,no-any-return]


def with_pipe(
    target: Callable[..., None], args: tuple[object, ...], pipe: int, more: dict[str, object]
) -> None:
    target(*args, pipe, **more)
