"""Policies that decided, cosignatures, and the logs that we watch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_policy",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_audit_policy"),
    )
    op.create_table(
        "audit_cosignature",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name="pk_audit_cosignature"),
    )
    op.create_table(
        "audit_witnessed",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seen", BIG, nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_audit_witnessed"),
    )


def downgrade() -> None:
    for table in ("audit_witnessed", "audit_cosignature", "audit_policy"):
        op.drop_table(table)
