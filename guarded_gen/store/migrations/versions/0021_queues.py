"""Named queues, whom they are for, and until when their cases should be decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "review_queue",
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("title", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(2000), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
    )
    op.create_table(
        "review_queue_member",
        sa.Column("queue", sa.String(48), primary_key=True),
        sa.Column("person", sa.String(48), primary_key=True),
    )
    with op.batch_alter_table("review_case") as batch:
        batch.add_column(sa.Column("queue", sa.String(48), nullable=True))
        batch.add_column(sa.Column("due_at", _Big, nullable=True))
        batch.add_column(
            sa.Column("alerted", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_index("ix_case_named", "review_case", ["state", "queue", "rank"])
    op.create_index("ix_case_due", "review_case", ["state", "alerted", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_case_due", "review_case")
    op.drop_index("ix_case_named", "review_case")
    with op.batch_alter_table("review_case") as batch:
        batch.drop_column("alerted")
        batch.drop_column("due_at")
        batch.drop_column("queue")
    op.drop_table("review_queue_member")
    op.drop_table("review_queue")
