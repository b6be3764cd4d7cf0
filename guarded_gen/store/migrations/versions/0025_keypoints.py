"""Keypoints of pictures in hash banks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hash_bank_item", sa.Column("places", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("hash_bank_item") as table:
        table.drop_column("places")
