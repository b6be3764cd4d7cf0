"""The recorded decisions, read from the log for replaying: by CLI, API and workbench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from guarded_gen.audit import AuditLog, Query
from policies.decision import Stage
from policies.history import History, HistoryBuilder


@dataclass(frozen=True, slots=True)
class RecordedDecisions:
    """Recorded decisions, each with the context it was made in.

    ``unusable`` ones could not be read; ``capped``: there were more than were asked for.
    """

    history: History
    unusable: int
    capped: bool


def read_recorded(
    log: AuditLog,
    *,
    since: int | None = None,
    until: int | None = None,
    tenant: str | None = None,
    most: int | None = None,
    sees: Callable[[str], bool] = lambda tenant: True,
    progress: Callable[[int], None] = lambda read: None,
) -> RecordedDecisions:
    """Read the newest ``most`` decisions of each stage, those of tenants for which ``sees`` holds.

    ``since`` and ``until`` are milliseconds since 1970; ``progress`` is told how many were read.
    """
    builder = HistoryBuilder()
    read = 0
    capped = False
    for stage in Stage:
        query = Query(
            since=since,
            until=until,
            tenant=tenant,
            kind=f"{stage}.decision",
            limit=None if most is None else most + 1,
        )
        for number, entry in enumerate(log.entries(query)):
            if number == most:
                capped = True
            elif sees(entry.tenant):
                signals = entry.body.get("signals", ())
                builder.add_record(entry.id, entry.decision or {}, signals)
            read += 1
            progress(read)
    return RecordedDecisions(builder.build(), builder.unusable, capped)
