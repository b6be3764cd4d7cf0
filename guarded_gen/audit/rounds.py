"""What a log does for itself again and again while the service runs.

Every few seconds the newest checkpoint is kept outside the database; pending erasures are tried
again; and in rounds the witnesses are asked to cosign and the watched logs are checked.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx

from guarded_gen.audit.erasure import complete_erasures
from guarded_gen.audit.keys import load_witness_key
from guarded_gen.audit.note import Verifier
from guarded_gen.audit.witness import (
    Alert,
    Witness,
    ask_witness,
    check_log,
    record_alert,
    stale,
)
from guarded_gen.errors import GuardedGenError

if TYPE_CHECKING:
    from pathlib import Path

    from guarded_gen.audit.log import AuditLog
    from guarded_gen.settings.audit import AuditSettings

MARK_EVERY_S = 10.0
ERASE_EVERY_S = 60.0
_log = logging.getLogger("guarded_gen.audit")


def make_witness(log: AuditLog, keys_folder: Path, settings: AuditSettings) -> Witness:
    """Our witness, for the logs of the settings."""
    signer = load_witness_key(keys_folder, settings.witness_name)
    return Witness(log, signer, [Verifier.parse(watched.vkey) for watched in settings.watch])


def watch_round(log: AuditLog, settings: AuditSettings) -> dict[str, Any]:
    """Ask every witness, check every watched log; new alerts go on record."""
    alerts: list[Alert] = []
    done: dict[str, list[Any]] = {"cosigned": [], "seen": []}
    with httpx.Client() as client:
        for theirs in settings.witnesses:
            answer = ask_witness(log, Verifier.parse(theirs.vkey), theirs.url, client)
            if isinstance(answer, Alert):
                alerts.append(answer)
            else:
                done["cosigned"].append(answer.to_json())
        for watched in settings.watch:
            if not watched.url:
                continue
            found = check_log(log, Verifier.parse(watched.vkey), watched.url, client)
            if isinstance(found, Alert):
                alerts.append(found)
            else:
                done["seen"].append(found.to_json())
    with log.reading() as connection:
        alerts += stale(connection, settings)
    for alert in alerts:
        record_alert(log, alert)
    return {**done, "alerts": [alert.to_json() for alert in alerts]}


class LogChore:
    """Does what is due, each time that it is called. A witness that hangs holds nobody up: its
    round runs in a thread of its own, one at a time."""

    def __init__(self, log: AuditLog, settings: AuditSettings) -> None:
        self._audit = log
        self._settings = settings
        self._due = {"mark": 0.0, "erase": 0.0, "witness": 0.0}
        self._round: threading.Thread | None = None

    def __call__(self) -> None:
        if self._is_due("mark", MARK_EVERY_S):
            self._audit.raise_high_water()
        if self._is_due("erase", ERASE_EVERY_S):
            for left in complete_erasures(self._audit):
                _log.warning(
                    "an erasure is pending: %s",
                    left.holder,
                    extra={"event": "erasure_pending", "entry": left.entry},
                )
        others = self._settings.witnesses or any(w.url for w in self._settings.watch)
        running = self._round is not None and self._round.is_alive()
        if others and not running and self._is_due("witness", self._settings.witness_every_s):
            self._round = threading.Thread(target=self._watch, name="witness-round", daemon=True)
            self._round.start()

    def _is_due(self, name: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due[name]:
            return False
        self._due[name] = now + every
        return True

    def _watch(self) -> None:
        try:
            for alert in watch_round(self._audit, self._settings)["alerts"]:
                _log.error(
                    "%s: %s: %s",
                    alert["kind"],
                    alert["who"],
                    alert["message"],
                    extra={"event": "witness_alert"},
                )
        except GuardedGenError:
            _log.exception("a witness round failed", extra={"event": "witness_round_failed"})
