"""Hash banks in the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hash_bank",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_hash_bank"),
    )
    op.create_table(
        "hash_bank_item",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("bank", sa.String(64), nullable=False),
        sa.Column("item", sa.String(128), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("frames", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["bank"], ["hash_bank.name"], name="fk_hash_bank_item_bank"),
        sa.PrimaryKeyConstraint("id", name="pk_hash_bank_item"),
    )
    op.create_index("ix_hash_bank_item_bank", "hash_bank_item", ["bank"])


def downgrade() -> None:
    op.drop_table("hash_bank_item")
    op.drop_table("hash_bank")
