"""The text of a policy in the rollout as its author wrote it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("policy_rollout") as batch:
        batch.add_column(sa.Column("source", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("policy_rollout") as batch:
        batch.drop_column("source")
