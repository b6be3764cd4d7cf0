"""What must be kept for the authorities: holds, sealed evidence, reports to a hotline."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")


class LegalHold(Base):
    """Nothing of this subject or item is erased or discarded before ``until``."""

    __tablename__ = "legal_hold"

    case: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128))
    item: Mapped[str] = mapped_column(String(48))
    since: Mapped[int] = mapped_column(Big)
    until: Mapped[int] = mapped_column(Big)
    ended: Mapped[bool] = mapped_column(Boolean)
    """Two people found no violation, or the time is over."""

    __table_args__ = (
        Index("ix_hold_subject", "tenant", "subject"),
        Index("ix_hold_item", "item"),
    )


class SealedEvidence(Base):
    """A sealed bundle on disk; only the holder of the legal role's key can open it."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48), unique=True)
    folder: Mapped[str] = mapped_column(String(512))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the index of the sealed files, which stands in the log."""
    recipient: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the certificate whose key opens it."""
    made_at: Mapped[int] = mapped_column(Big)
    asked_by: Mapped[str | None] = mapped_column(String(48))
    """Who asked for its release, and"""
    released_by: Mapped[str | None] = mapped_column(String(48))
    """who, another person, agreed."""


class HotlineReport(Base):
    """A report to a hotline and how far it came. One for a case."""

    __tablename__ = "hotline_report"

    case: Mapped[str] = mapped_column(String(48), primary_key=True)
    hotline: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    """``asked`` (one person), ``due`` (a second agreed), ``open`` (submitted, not finished),
    ``finished``, ``retracted`` or ``refused`` (the hotline will not take it as it is)."""
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The report's own words; blanked when it is finished."""
    asked_by: Mapped[str] = mapped_column(String(48))
    agreed_by: Mapped[str | None] = mapped_column(String(48))
    report: Mapped[str | None] = mapped_column(String(64))
    """The hotline's number of it."""
    files: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Name to the hotline's file id, of those that were uploaded."""
    tries: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[int] = mapped_column(Big)
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_hotline_due", "state", "next_at"),)


class RemovalRequest(Base):
    """Somebody who is shown asks for a video's removal. No words and no names: those stand sealed
    in the log's ``entry``."""

    __tablename__ = "removal_request"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48), unique=True)
    item: Mapped[str | None] = mapped_column(String(48))
    """The job that made the video; None when it is not one of ours."""
    upload: Mapped[str | None] = mapped_column(String(128))
    """Storage key of what was sent, until the request is answered."""
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``removed`` or ``declined``."""
    entry: Mapped[str] = mapped_column(String(48))
    created_at: Mapped[int] = mapped_column(Big)
    due_at: Mapped[int] = mapped_column(Big)
    decided_at: Mapped[int | None] = mapped_column(Big)

    __table_args__ = (
        Index("ix_removal_state", "state", "due_at"),
        Index("ix_removal_created", "created_at"),
    )
