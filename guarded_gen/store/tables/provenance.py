"""Tables of the provenance registry: what was published, and how it is found again.

Nothing here is about anybody who asks.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")


class PublishedRow(Base):
    """One published file with its manifest store."""

    __tablename__ = "published"

    content_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    manifest_label: Mapped[str] = mapped_column(String(255), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(500))
    mime: Mapped[str] = mapped_column(String(64))
    tenant: Mapped[str] = mapped_column(String(128))
    published_at: Mapped[int] = mapped_column(Big)
    """Milliseconds since 1970."""
    log_index: Mapped[int | None] = mapped_column(Big)
    watermark: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    iscc: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    frames: Mapped[bytes | None] = mapped_column(LargeBinary)
    """PDQ hashes of sampled frames, 32 bytes each, in time order."""
    keys: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A strip of small grey key frames, one JPEG."""

    __table_args__ = (
        Index("ix_published_sha256", "sha256"),
        Index("ix_published_published_at", "published_at"),
    )


class PublishedStore(Base):
    """The manifest store of a published file; apart, because searches do not need it."""

    __tablename__ = "published_store"

    content_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("published.content_id"), primary_key=True
    )
    store: Mapped[bytes] = mapped_column(LargeBinary)
