"""Where a fetch from a hash exchange goes on, and an index to replace single items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "hash_exchange",
        sa.Column("bank", sa.String(length=64), primary_key=True),
        sa.Column("until", big, nullable=False),
        sa.Column("synced_at", big, nullable=False),
    )
    op.create_index("ix_hash_bank_item_item", "hash_bank_item", ["bank", "item"])


def downgrade() -> None:
    op.drop_index("ix_hash_bank_item_item", "hash_bank_item")
    op.drop_table("hash_exchange")
