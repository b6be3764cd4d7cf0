"""Tables of the audit log.

``audit_entry`` holds the leaves; every column beside ``data`` repeats a field of ``data`` for
searching, and ``audit verify`` compares them. Hashes of full tiles stand in ``audit_tile``, the
right edge with the newest checkpoint in the one row of ``audit_tree``, so that both change
together. Secrets (``audit_payload``, ``audit_subject_key``) can be deleted without touching the
tree.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit integer that SQLite takes for its row id when it is the primary key."""


def _partial(name: str, column: str, *more: str) -> Index:
    """An index that rows without a value in ``column`` cost nothing."""
    present = text(f"{column} IS NOT NULL")
    return Index(name, column, *more, sqlite_where=present, postgresql_where=present)


class AuditEntry(Base):
    __tablename__ = "audit_entry"

    idx: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(48))
    time: Mapped[int] = mapped_column(Big)
    """Milliseconds since 1970."""
    kind: Mapped[str] = mapped_column(String(64))
    tenant: Mapped[str] = mapped_column(String(128))
    subject: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str | None] = mapped_column(String(32))
    data: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("ix_audit_entry_time", "time"),
        Index("ix_audit_entry_tenant_time", "tenant", "time"),
        _partial("ix_audit_entry_subject", "subject"),
        _partial("ix_audit_entry_action_time", "action", "time"),
    )


class AuditTag(Base):
    """What an entry can be found by: ``rule:…``, ``category:…``, ``policy:…``, ``actor:…``."""

    __tablename__ = "audit_tag"

    tag: Mapped[str] = mapped_column(String(192), primary_key=True)
    idx: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)

    __table_args__ = ({"sqlite_with_rowid": False},)


class AuditTile(Base):
    """A full tile: 256 hashes, 8,192 bytes."""

    __tablename__ = "audit_tile"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class AuditTree(Base):
    """The one row (id 1) of the tree's present state."""

    __tablename__ = "audit_tree"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(Big)
    edge: Mapped[bytes] = mapped_column(LargeBinary)
    """Partial tiles by level: uint16 width, then the hashes."""
    note: Mapped[str] = mapped_column(Text)
    time: Mapped[int] = mapped_column(Big)
    """When the checkpoint was signed, milliseconds since 1970."""
    erasures: Mapped[int] = mapped_column(Integer)
    """Counts erasures, so that every process drops its cached keys after one."""
    minimum: Mapped[int] = mapped_column(Big)
    """Entries below this index were pruned."""


class AuditCheckpoint(Base):
    """Kept checkpoints: the newest, and one a minute before it."""

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(Big)
    note: Mapped[str] = mapped_column(Text)


class AuditPayload(Base):
    """The sealed secret of one entry: AES-256-GCM over salt (32 bytes) and payload."""

    __tablename__ = "audit_payload"

    idx: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    subject: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class AuditSubjectKey(Base):
    """A subject's own key, wrapped by the key of the keys folder."""

    __tablename__ = "audit_subject_key"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = ({"sqlite_with_rowid": False},)


class AuditWords(Base):
    """One sealed bucket of the index over the words of payloads; made again when it is gone."""

    __tablename__ = "audit_words"

    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    """64 times the segment, plus the bucket."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class AuditScrub(Base):
    """An erasure whose bytes may still stand in the database's files."""

    __tablename__ = "audit_scrub"

    entry: Mapped[str] = mapped_column(String(48), primary_key=True)
    """The entry that records the erasure."""
    requested: Mapped[int] = mapped_column(BigInteger)
    """Milliseconds since 1970."""
    xid: Mapped[int | None] = mapped_column(BigInteger)
    """PostgreSQL's id of the transaction that deleted the rows."""
    holder: Mapped[str] = mapped_column(Text)
    """What held the bytes when it was last tried."""


class AuditOutbox(Base):
    """Entries whose transaction is committed and which wait for the sequencer (PostgreSQL)."""

    __tablename__ = "audit_outbox"

    seq: Mapped[int] = mapped_column(Big, primary_key=True)
    id: Mapped[str] = mapped_column(String(48))
    data: Mapped[bytes] = mapped_column(LargeBinary)
    payload_subject: Mapped[str | None] = mapped_column(String(64))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditPolicy(Base):
    """The policies that decided: canonical JSON by its SHA-256."""

    __tablename__ = "audit_policy"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    canonical: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCosignature(Base):
    """A witness's cosignature of one of our checkpoints, with the note that it signed."""

    __tablename__ = "audit_cosignature"

    size: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    time: Mapped[int] = mapped_column(Big)
    note: Mapped[str] = mapped_column(Text)
    line: Mapped[str] = mapped_column(Text)


class AuditWitnessed(Base):
    """The newest checkpoint of another log that we cosigned or checked as its witness."""

    __tablename__ = "audit_witnessed"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    size: Mapped[int] = mapped_column(Big)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(Text)
    seen: Mapped[int] = mapped_column(Big)
    """When it last proved to be alive and consistent, milliseconds since 1970."""
