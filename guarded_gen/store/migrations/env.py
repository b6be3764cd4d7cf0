"""Alembic's entry: runs the revisions on the connection that ``store.migrate`` opened."""

from __future__ import annotations

from alembic import context

from guarded_gen.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
