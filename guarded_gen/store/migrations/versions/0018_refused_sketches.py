"""Sketches of refused prompts: 256 keyed bits, no words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused_sketch",
        sa.Column("decision", sa.String(length=48), primary_key=True),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("words", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    )
    op.create_index("ix_sketch_tenant", "refused_sketch", ["tenant", "at"])
    op.create_index("ix_sketch_at", "refused_sketch", ["at"])


def downgrade() -> None:
    op.drop_table("refused_sketch")
