"""The audit room: a transparency log in the store, after C2SP tlog-tiles.

Every decision and every change of state is an entry, in one transaction with what it records.
May import settings, errors and the store; knows nothing of gates, jobs or the API.
"""

from guarded_gen.audit.event import Event, LogEntry
from guarded_gen.audit.findings import Problem, VerifyReport
from guarded_gen.audit.integrate import Snapshot
from guarded_gen.audit.log import AuditLog
from guarded_gen.audit.search import Query
from guarded_gen.audit.transaction import Transaction

__all__ = [
    "AuditLog",
    "Event",
    "LogEntry",
    "Problem",
    "Query",
    "Snapshot",
    "Transaction",
    "VerifyReport",
]
