"""What rows outside the log hold of a person, and how it is taken out.

A job keeps its request (the words, the caller's name for its end user), a case the name, an answer
that can be replayed both. The rows stay, since clips, decisions and counts hang on them; the words
and the name go.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, select, update

from guarded_gen.store.tables.jobs import OPEN, Idempotency, Job
from guarded_gen.store.tables.preservation import LegalHold
from guarded_gen.store.tables.review import ReviewCase

TABLES = ("job", "idempotency", "review_case", "legal_hold")
ERASED = "erased"
"""The name that stands for an erased one."""
Same = Callable[[str, str], bool]
"""Whether a tenant's subject is the one that is erased."""


def running_jobs(connection: Connection, same: Same) -> list[str]:
    """The jobs of a person that still need their words."""
    rows = connection.execute(select(Job.id, Job.tenant, Job.request).where(Job.status.in_(OPEN)))
    return [id for id, tenant, request in rows if same(tenant, str(request.get("subject", "")))]


def forget(connection: Connection, same: Same) -> int:
    """Take the words and the name out of every ended job, case and kept answer of a person; gives
    the number of rows that were changed."""
    changed = 0
    rows = connection.execute(
        select(Job.id, Job.tenant, Job.request, Job.details).where(Job.status.not_in(OPEN))
    ).all()
    for id, tenant, request, details in rows:
        if not same(tenant, str(request.get("subject", ""))):
            continue
        blank = {"prompt": "", "negative_prompt": "", "subject": ERASED, "label": None}
        kept = {name: value for name, value in details.items() if name != "metadata"}
        connection.execute(
            update(Job).where(Job.id == id).values(request={**request, **blank}, details=kept)
        )
        connection.execute(
            delete(Idempotency).where(
                Idempotency.tenant == tenant, Idempotency.body.contains(id, autoescape=True)
            )
        )
        changed += 1
    for table in (ReviewCase, LegalHold):
        names = connection.execute(select(table.tenant, table.subject).distinct()).all()
        for tenant, subject in names:
            if subject and same(tenant, subject):
                found = connection.execute(
                    update(table)
                    .where(table.tenant == tenant, table.subject == subject)
                    .values(subject="")
                )
                changed += found.rowcount
    return changed
