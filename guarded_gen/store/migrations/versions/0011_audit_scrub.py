"""Erasures whose bytes are not yet out of the database's files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_scrub",
        sa.Column("entry", sa.String(length=48), primary_key=True),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("audit_scrub")
