"""What an operator must look at: a log or a witness that honest growth does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from guarded_gen.audit.event import Event

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

MOST_EVIDENCE = 16_000


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator must look at. ``kind`` is ``fork``, ``rollback``, ``stale``,
    ``quorum``, ``unreachable`` or ``invalid``; ``evidence`` holds signed notes."""

    kind: str
    who: str
    message: str
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "who": self.who,
            "message": self.message,
            "evidence": list(self.evidence),
        }


def record_alert(log: AuditLog, alert: Alert) -> str:
    """Put an alert on record; gives the entry's id. An entry has a limit, so evidence that is
    padded past :data:`MOST_EVIDENCE` characters goes with its beginning and its SHA-256."""
    body = alert.to_json()
    body["evidence"] = [
        note
        if len(note) <= MOST_EVIDENCE
        else f"{note[:1000]}… sha256:{sha256(note.encode()).hexdigest()}"
        for note in alert.evidence
    ]
    return log.append(Event("witness.alert", "-", actor="witness", body=body))
