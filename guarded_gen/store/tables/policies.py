"""Tables of policies that are being rolled out."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")


class PolicyRollout(Base):
    """A policy and where it stands. Every change of ``state`` is also an audit entry."""

    __tablename__ = "policy_rollout"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    policy: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    canonical: Mapped[bytes] = mapped_column(LargeBinary)
    """The policy itself, canonical JSON; ``digest`` is its SHA-256."""
    source: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The text as its author wrote it, comments and ``extends`` included; None where only the
    policy itself was given."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    percent: Mapped[float] = mapped_column(Float)
    author: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[int] = mapped_column(Big)
    """Milliseconds since 1970."""
