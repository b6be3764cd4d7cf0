"""An index over the words of sealed payloads; two indexes fewer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_words",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_words"),
    )
    op.drop_index("ix_audit_payload_subject", "audit_payload")
    _keys(sqlite_with_rowid=False)


def downgrade() -> None:
    _keys()
    op.create_index("ix_audit_payload_subject", "audit_payload", ["subject"])
    op.drop_table("audit_words")


def _keys(**options: bool) -> None:
    """Write SQLite's table of keys anew, with its rows in the index or beside it."""
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute("PRAGMA secure_delete = ON")
    op.execute("ALTER TABLE audit_subject_key RENAME TO audit_subject_key_0")
    op.create_table(
        "audit_subject_key",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_audit_subject_key"),
        **options,
    )
    op.execute("INSERT INTO audit_subject_key SELECT subject, wrapped FROM audit_subject_key_0")
    op.drop_table("audit_subject_key_0")
