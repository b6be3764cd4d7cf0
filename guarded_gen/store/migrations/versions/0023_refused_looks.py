"""Frames of refused pictures as keyed bits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused_look",
        sa.Column("decision", sa.String(48), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("bits", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    )
    op.create_index("ix_look_tenant", "refused_look", ["tenant", "at"])
    op.create_index("ix_look_at", "refused_look", ["at"])


def downgrade() -> None:
    op.drop_table("refused_look")
