from .event import (
    Event as Event,
    LogEntry as LogEntry,
)
from .findings import (
    LogProblem as LogProblem,
    VerifyReport as VerifyReport,
)
from .integrate import Snapshot as Snapshot
from .log import AuditLog as AuditLog
from .search import Query as Query
from .transaction import Transaction as Transaction
