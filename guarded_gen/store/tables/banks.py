"""Tables of the hash banks that are kept in the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")


class HashBank(Base):
    """A bank: what it lists, what a match leads to, who gave it."""

    __tablename__ = "hash_bank"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    category: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Big)
    """Drawn anew with every change, so that other processes see that there was one."""
    changed_at: Mapped[int] = mapped_column(Big)
    """Milliseconds since 1970."""


class HashBankItem(Base):
    """A picture, video or sound of a bank, or the keypoints of a picture or video."""

    __tablename__ = "hash_bank_item"

    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=True)
    bank: Mapped[str] = mapped_column(String(64), ForeignKey("hash_bank.name"))
    item: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16), server_default="picture")
    """``picture``, ``keypoints`` or ``sound``."""
    hashes: Mapped[bytes] = mapped_column(LargeBinary)
    """PDQ hashes, codes of keypoints, or fingerprints of sound, 32 bytes each."""
    frames: Mapped[bytes] = mapped_column(LargeBinary)
    """Of which frame, or window of sound, each hash is: little-endian 32-bit numbers."""
    places: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of keypoints: x, y, size and angle of each, little-endian 16-bit numbers."""

    __table_args__ = (
        Index("ix_hash_bank_item_bank", "bank"),
        Index("ix_hash_bank_item_item", "bank", "item"),
    )


class HashExchange(Base):
    """How far a bank was fetched from its exchange."""

    __tablename__ = "hash_exchange"

    bank: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[int] = mapped_column(Big)
    """Seconds since 1970, of the exchange's clock: where the next fetch goes on."""
    synced_at: Mapped[int] = mapped_column(Big)
    """Milliseconds since 1970."""
