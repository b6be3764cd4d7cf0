"""Notes on cases: which entry of the log holds which note."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_note",
        sa.Column("entry", sa.String(length=48), primary_key=True),
        sa.Column("case", sa.String(length=48), nullable=False),
        sa.Column("person", sa.String(length=48), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    )
    op.create_index("ix_note_case", "case_note", ["case", "at"])


def downgrade() -> None:
    op.drop_table("case_note")
