"""The provenance registry: published files and their manifest stores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "published",
        sa.Column("content_id", sa.String(64), nullable=False),
        sa.Column("manifest_label", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("mime", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(128), nullable=False),
        sa.Column("published_at", BIG, nullable=False),
        sa.Column("log_index", BIG),
        sa.Column("watermark", sa.LargeBinary(16)),
        sa.Column("iscc", sa.LargeBinary(64)),
        sa.Column("frames", sa.LargeBinary()),
        sa.Column("keys", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("content_id", name="pk_published"),
        sa.UniqueConstraint("manifest_label", name="uq_published_manifest_label"),
        sa.UniqueConstraint("watermark", name="uq_published_watermark"),
    )
    op.create_index("ix_published_sha256", "published", ["sha256"])
    op.create_index("ix_published_published_at", "published", ["published_at"])
    op.create_table(
        "published_store",
        sa.Column("content_id", sa.String(64), nullable=False),
        sa.Column("store", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["published.content_id"], name="fk_published_store_content_id"
        ),
        sa.PrimaryKeyConstraint("content_id", name="pk_published_store"),
    )


def downgrade() -> None:
    op.drop_table("published_store")
    op.drop_table("published")
