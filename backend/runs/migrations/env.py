"""Runs the schema changes on the connection that `backend.runs.database` passes in."""

from alembic import context

from backend.runs.table import RunRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=RunRow.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
