"""Requests of people who are shown to remove a video."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "removal_request",
        sa.Column("id", sa.String(length=48), primary_key=True),
        sa.Column("case", sa.String(length=48), nullable=False, unique=True),
        sa.Column("item", sa.String(length=48), nullable=True),
        sa.Column("upload", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("entry", sa.String(length=48), nullable=False),
        sa.Column("created_at", big, nullable=False),
        sa.Column("due_at", big, nullable=False),
        sa.Column("decided_at", big, nullable=True),
    )
    op.create_index("ix_removal_state", "removal_request", ["state", "due_at"])
    op.create_index("ix_removal_created", "removal_request", ["created_at"])


def downgrade() -> None:
    op.drop_table("removal_request")
