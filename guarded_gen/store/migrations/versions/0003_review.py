"""People, cases, verdicts, appeals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "appeal",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("decision", sa.String(length=48), nullable=False),
        sa.Column("case", sa.String(length=48), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("entry", sa.String(length=48), nullable=False),
        sa.Column("statement_of_reasons", sa.String(length=48), nullable=True),
        sa.Column("callback", sa.String(length=512), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("decided_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("decision", name=op.f("uq_appeal_decision")),
    )
    op.create_table(
        "exposure",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("case", sa.String(length=48), nullable=False),
        sa.Column("person", sa.String(length=48), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposure")),
    )
    op.create_index("ix_exposure_person", "exposure", ["person", "at"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("tenants", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=256), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "review_case",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("item", sa.String(length=48), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("decision", sa.String(length=48), nullable=False),
        sa.Column("category", sa.String(length=48), nullable=True),
        sa.Column("rule", sa.String(length=128), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.Boolean(), nullable=False),
        sa.Column("cluster", sa.String(length=64), nullable=True),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("reach", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("expected", sa.String(length=16), nullable=True),
        sa.Column("assignee", sa.String(length=48), nullable=True),
        sa.Column("holder", sa.String(length=48), nullable=True),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("hold_until", BIG, nullable=False),
        sa.Column("first_reviewer", sa.String(length=48), nullable=True),
        sa.Column("barred", sa.JSON(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=True),
        sa.Column("effective_at", BIG, nullable=True),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_case")),
    )
    op.create_index("ix_case_category", "review_case", ["state", "category", "rank"], unique=False)
    op.create_index("ix_case_cluster", "review_case", ["cluster"], unique=False)
    op.create_index("ix_case_effective", "review_case", ["state", "effective_at"], unique=False)
    op.create_index("ix_case_item", "review_case", ["item"], unique=False)
    op.create_index("ix_case_queue", "review_case", ["state", "rank"], unique=False)
    op.create_index("ix_case_subject", "review_case", ["subject"], unique=False)
    op.create_index("ix_case_tenant", "review_case", ["state", "tenant", "rank"], unique=False)
    op.create_table(
        "review_verdict",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("case", sa.String(length=48), nullable=False),
        sa.Column("person", sa.String(length=48), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=48), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("exposure", sa.Float(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_verdict")),
    )
    op.create_index("ix_verdict_case", "review_verdict", ["case"], unique=False)
    op.create_index("ix_verdict_person", "review_verdict", ["person", "created_at"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("person", sa.String(length=48), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=48), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    op.create_index("ix_sign_in_person", "sign_in", ["person"], unique=False)


def downgrade() -> None:
    for table in ("appeal", "saved_view", "exposure", "review_verdict", "review_case", "sign_in"):
        op.drop_table(table)
    op.drop_table("person")
