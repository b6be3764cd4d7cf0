"""Restricted cases: those on the gravest categories, which only trained people may know of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
_THEN = ("sexual_minors", "ncii", "threats")
"""The taxonomy's restricted categories when this column came."""


def upgrade() -> None:
    for table in ("review_case", "exposure"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(
                sa.Column("restricted", sa.Boolean(), nullable=False, server_default=sa.false())
            )
    # A case without a rule is one that nothing has assessed, which accuses nobody.
    cases = sa.table("review_case", *map(sa.column, ("category", "rule", "restricted")))
    op.execute(
        cases.update()
        .where(cases.c.category.in_(_THEN), cases.c.rule.is_not(None))
        .values(restricted=sa.true())
    )
    op.create_index("ix_case_restricted", "review_case", ["state", "restricted", "rank"])


def downgrade() -> None:
    op.drop_index("ix_case_restricted", "review_case")
    for table in ("review_case", "exposure"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("restricted")
