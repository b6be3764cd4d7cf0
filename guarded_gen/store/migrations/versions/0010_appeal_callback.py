"""Appeals keep no address to call back: the webhook ``appeal.decided`` tells the platform."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("appeal") as batch:
        batch.drop_column("callback")


def downgrade() -> None:
    op.add_column("appeal", sa.Column("callback", sa.String(length=512), nullable=True))
