"""The audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(64)),
        sa.Column("action", sa.String(32)),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_time", "audit_entry", ["time"])
    op.create_index("ix_audit_entry_tenant_time", "audit_entry", ["tenant", "time"])
    for name, columns in (("subject", ["subject"]), ("action_time", ["action", "time"])):
        present = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(
            f"ix_audit_entry_{name}",
            "audit_entry",
            columns,
            sqlite_where=present,
            postgresql_where=present,
        )
    op.create_table(
        "audit_tag",
        sa.Column("tag", sa.String(192), nullable=False),
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("tag", "idx", name="pk_audit_tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", BIG, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n", name="pk_audit_tile"),
    )
    op.create_table(
        "audit_tree",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("erasures", sa.Integer(), nullable=False),
        sa.Column("minimum", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_tree"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_audit_checkpoint"),
    )
    op.create_table(
        "audit_payload",
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name="pk_audit_payload"),
    )
    op.create_index("ix_audit_payload_subject", "audit_payload", ["subject"])
    op.create_table(
        "audit_subject_key",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_audit_subject_key"),
    )
    op.create_table(
        "audit_outbox",
        sa.Column("seq", BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("payload_subject", sa.String(64)),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_outbox"),
    )


def downgrade() -> None:
    for table in (
        "audit_outbox",
        "audit_subject_key",
        "audit_payload",
        "audit_checkpoint",
        "audit_tree",
        "audit_tile",
        "audit_tag",
        "audit_entry",
    ):
        op.drop_table(table)
