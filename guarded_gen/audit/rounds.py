"""What a log does for itself again and again while the service runs.

Every few seconds the newest checkpoint is kept outside the database; pending erasures are tried
again; the words of new payloads are indexed; and in rounds the witnesses are asked to cosign and
the watched logs are checked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

from guarded_gen.audit.alerts import Alert, record_alert
from guarded_gen.audit.cosigning import Cosigned, ask_witness, asked
from guarded_gen.audit.erasure import complete_erasures
from guarded_gen.audit.keys import load_witness_keys
from guarded_gen.audit.note import Signer, Verifier
from guarded_gen.audit.watching import check_log, stale
from guarded_gen.audit.witness import Witness
from guarded_gen.audit.words import bring_up_to_date
from guarded_gen.errors import GuardedGenError

if TYPE_CHECKING:
    from pathlib import Path

    from guarded_gen.audit.log import AuditLog
    from guarded_gen.settings.audit import AuditSettings

MARK_EVERY_S = 10.0
ERASE_EVERY_S = 60.0
INDEX_EVERY_S = 10.0
INDEXED_AT_ONCE = 4
"""Segments: a log of before the index is taken up in steps, for other chores wait meanwhile."""
SIDE_BY_SIDE = 8
_log = logging.getLogger("guarded_gen.audit")


def make_witness(log: AuditLog, keys_folder: Path, settings: AuditSettings) -> Witness:
    """Our witness, for the logs of the settings."""
    signer, *more = load_witness_keys(keys_folder, settings.witness_name)
    watched = [Verifier.parse(watched.vkey) for watched in settings.watch]
    return Witness(log, signer, watched, *more)


def watch_round(
    log: AuditLog, settings: AuditSettings, cosigners: Sequence[Signer] = ()
) -> dict[str, Any]:
    """Ask every witness, check every watched log; new alerts go on record.

    All witnesses are asked side by side about one checkpoint, so that a quorum can be reached.
    ``cosigners``: our keys as a witness, for what the watched logs show.
    """
    alerts: list[Alert] = []
    done: dict[str, list[Any]] = {"cosigned": [], "seen": []}
    with httpx.Client() as client:
        snapshot = log.snapshot()

        def ask(theirs: tuple[Verifier, str]) -> Cosigned | Alert:
            return ask_witness(log, *theirs, client, snapshot)

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            answers = list(pool.map(ask, asked(settings, log.witness_policy)))
        for answer in answers:
            if isinstance(answer, Alert):
                alerts.append(answer)
            else:
                done["cosigned"].append(answer.to_json())
        for watched in settings.watch:
            if not watched.url:
                continue
            found = check_log(log, Verifier.parse(watched.vkey), watched.url, client, cosigners)
            if isinstance(found, Alert):
                alerts.append(found)
            else:
                done["seen"].append(found.to_json())
    with log.reading() as connection:
        alerts += stale(connection, settings, log.witness_policy)
    for alert in alerts:
        record_alert(log, alert)
    return {**done, "alerts": [alert.to_json() for alert in alerts]}


class LogChore:
    """Does what is due, each time that it is called. A witness that hangs holds nobody up: its
    round runs in a thread of its own, one at a time."""

    def __init__(self, log: AuditLog, settings: AuditSettings, keys_folder: Path) -> None:
        self._audit = log
        self._settings = settings
        self._keys_folder = keys_folder
        self._due = {"mark": 0.0, "erase": 0.0, "index": 0.0, "witness": 0.0}
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
        if self._is_due("index", INDEX_EVERY_S):
            bring_up_to_date(self._audit, most=INDEXED_AT_ONCE)
        others = asked(self._settings, self._audit.witness_policy) or any(
            watched.url for watched in self._settings.watch
        )
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
            ours = load_witness_keys(self._keys_folder, self._settings.witness_name)
            for alert in watch_round(self._audit, self._settings, ours)["alerts"]:
                _log.error(
                    "%s: %s: %s",
                    alert["kind"],
                    alert["who"],
                    alert["message"],
                    extra={"event": "witness_alert"},
                )
        except GuardedGenError:
            _log.exception("a witness round failed", extra={"event": "witness_round_failed"})
