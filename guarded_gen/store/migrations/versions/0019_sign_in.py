"""People of an identity provider, wrong tokens, and what a session was made with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("external", sa.String(64), nullable=True))
        batch.create_unique_constraint("uq_person_external", ["external"])
    with op.batch_alter_table("sign_in") as batch:
        batch.add_column(sa.Column("means", sa.String(16), nullable=False, server_default="token"))
        batch.add_column(sa.Column("agent", sa.String(200), nullable=False, server_default=""))
    op.create_table(
        "sign_in_failures",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sign_in_failures")
    with op.batch_alter_table("sign_in") as batch:
        batch.drop_column("agent")
        batch.drop_column("means")
    with op.batch_alter_table("person") as batch:
        batch.drop_constraint("uq_person_external", type_="unique")
        batch.drop_column("external")
