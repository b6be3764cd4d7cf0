"""File entries by their scores, also those already in the log; rates that processes share."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PAGE = 4096


def upgrade() -> None:
    connection = op.get_bind()
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE rate_bucket SET UNLOGGED")  # losing it costs nothing
    rows = sa.text(
        "SELECT idx, data FROM audit_entry WHERE idx > :at AND action IS NOT NULL"
        " ORDER BY idx LIMIT :size"
    )
    insert = sa.text("INSERT INTO audit_tag (tag, idx) VALUES (:tag, :idx) ON CONFLICT DO NOTHING")
    at = -1
    while page := connection.execute(rows, {"at": at, "size": _PAGE}).all():
        tags = [{"tag": tag, "idx": index} for index, data in page for tag in _tags(bytes(data))]
        if tags:
            connection.execute(insert, tags)
        at = page[-1][0]


def downgrade() -> None:
    op.drop_table("rate_bucket")
    op.execute("DELETE FROM audit_tag WHERE tag LIKE 'score:%'")


def _tags(data: bytes) -> set[str]:
    try:
        decision: Any = json.loads(data).get("decision")
    except (ValueError, AttributeError):  # a damaged row is for `audit verify` to name
        return set()
    scores = decision.get("scores") if isinstance(decision, dict) else None
    tags = set()
    for category, score in (scores if isinstance(scores, dict) else {}).items():
        if isinstance(score, (int, float)) and 0.1 <= score <= 1:
            bucket = min(int(score * 20), 19)
            tags |= {f"score:{bucket:02d}:{name}"[:192] for name in (category, "*")}
    return tags
