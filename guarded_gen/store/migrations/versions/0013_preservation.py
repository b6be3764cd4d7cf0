"""Legal holds, sealed evidence, and reports to a hotline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _text(name: str, length: int, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, big, nullable=False)


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        _text("case", 48),
        _text("tenant", 64),
        _text("subject", 128),
        _text("item", 48),
        _number("since"),
        _number("until"),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case"),
    )
    op.create_index("ix_hold_subject", "legal_hold", ["tenant", "subject"])
    op.create_index("ix_hold_item", "legal_hold", ["item"])
    op.create_table(
        "evidence",
        _text("id", 48),
        _text("case", 48),
        _text("folder", 512),
        _text("digest", 64),
        _text("recipient", 64),
        _number("made_at"),
        _text("asked_by", 48, nullable=True),
        _text("released_by", 48, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case"),
    )
    op.create_table(
        "hotline_report",
        _text("case", 48),
        _text("hotline", 32),
        _text("state", 16),
        sa.Column("fields", sa.JSON(), nullable=False),
        _text("asked_by", 48),
        _text("agreed_by", 48, nullable=True),
        _text("report", 64, nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _number("next_at"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("case"),
    )
    op.create_index("ix_hotline_due", "hotline_report", ["state", "next_at"])


def downgrade() -> None:
    for table in ("hotline_report", "evidence", "legal_hold"):
        op.drop_table(table)
