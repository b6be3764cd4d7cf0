"""Refusals of one end user, for rules about repeated violations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "strike",
        sa.Column("decision", sa.String(length=48), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("decision", name=op.f("pk_strike")),
    )
    op.create_index("ix_strike_subject", "strike", ["tenant", "subject", "at"])
    op.create_index("ix_strike_at", "strike", ["at"])


def downgrade() -> None:
    op.drop_table("strike")
