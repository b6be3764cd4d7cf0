"""What can go wrong with the log, beside the top's own errors."""

from __future__ import annotations

from guarded_gen.errors import Exit, GuardedGenError, InvalidInput, LogCorrupt, StorageFailed

VERIFY_LOG = "run: guarded-gen audit verify"
"""The remedy for whatever is damaged in the log: it names the row."""


class BadNote(InvalidInput):
    """A note, checkpoint, proof or verifier key is malformed or wrongly signed."""

    code = "bad_note"
    exit_code = Exit.FAILED


class BadProof(InvalidInput):
    """A proof does not prove what it claims."""

    code = "bad_proof"
    exit_code = Exit.FAILED


class BadWitnessPolicy(InvalidInput):
    """A witness policy file (C2SP tlog-policy) is malformed."""

    code = "bad_witness_policy"
    exit_code = Exit.FAILED


class EntryTooLarge(InvalidInput):
    """An entry has more bytes than a tile's bundle can carry (65,535)."""

    code = "entry_too_large"


class KeyMissing(GuardedGenError):
    """The log exists, its key does not."""

    code = "audit_key_missing"


class LogClosed(GuardedGenError):
    """The log was closed while the call waited or before it."""

    code = "audit_log_closed"


class LogRolledBack(GuardedGenError):
    """The database is an older state of the log than one that was seen before."""

    code = "log_rolled_back"


class LegalHoldActive(GuardedGenError):
    """Something of this subject is kept for an authority, until a date."""

    code = "legal_hold"
    http_status = 409


class PayloadErased(GuardedGenError):
    """The payload was erased or its retention has ended; the entry remains."""

    code = "payload_erased"
    http_status = 410


__all__ = [
    "BadNote",
    "BadProof",
    "EntryTooLarge",
    "KeyMissing",
    "LegalHoldActive",
    "LogClosed",
    "LogCorrupt",
    "LogRolledBack",
    "PayloadErased",
    "StorageFailed",
]
