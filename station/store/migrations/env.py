"""Alembic runs this file: the migrations on the connection that station/store/migrate.py has."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    # SQLite cannot alter a column; batch mode copies the table instead.
    render_as_batch=True,
)
context.run_migrations()
