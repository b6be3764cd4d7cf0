"""Golden cases, the look of a clip, requests to publish a policy, indexes for long queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (
    ("ix_case_kind", "review_case", ["state", "kind", "rank"]),
    ("ix_case_rule", "review_case", ["state", "rule", "rank"]),
    ("ix_case_stage", "review_case", ["state", "stage", "rank"]),
    ("ix_case_opened", "review_case", ["state", "opened_at"]),
    ("ix_case_decision", "review_case", ["decision"]),
    ("ix_case_source", "review_case", ["source"]),
    ("ix_verdict_created", "review_verdict", ["created_at"]),
    ("ix_exposure_case", "exposure", ["case", "person"]),
    ("ix_exposure_at", "exposure", ["at"]),
    ("ix_appeal_case", "appeal", ["case"]),
    ("ix_appeal_decided", "appeal", ["decided_at"]),
)


def upgrade() -> None:
    op.add_column("review_case", sa.Column("look", sa.String(length=64), nullable=True))
    op.add_column("review_case", sa.Column("source", sa.String(length=48), nullable=True))
    op.create_table(
        "golden_case",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("case", sa.String(length=48), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("expected", sa.String(length=16), nullable=False),
        sa.Column("media", sa.String(length=512), nullable=True),
        sa.Column("made_by", sa.String(length=48), nullable=False),
        sa.Column("made_at", BIG, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_golden_case")),
        sa.UniqueConstraint("case", name=op.f("uq_golden_case_case")),
    )
    op.create_table(
        "policy_request",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.Column("asked_by", sa.String(length=48), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("asked_at", BIG, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=48), nullable=True),
        sa.Column("decided_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_request")),
    )
    op.create_index(op.f("ix_policy_request_digest"), "policy_request", ["digest"])
    op.create_index(op.f("ix_policy_request_outcome"), "policy_request", ["outcome"])
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, unique=False)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("policy_request")
    op.drop_table("golden_case")
    with op.batch_alter_table("review_case") as batch:
        batch.drop_column("source")
        batch.drop_column("look")
