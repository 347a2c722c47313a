"""Details of patients: sex, birth year, notes, limits of alarms, time of the last change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# With its defaults a column is added in place: SQLite would copy the table otherwise, which records
# refer to.
_COLUMNS = (
    sa.Column("sex", sa.Text, nullable=False, server_default="unknown"),
    sa.Column("birth_year", sa.SmallInteger),
    sa.Column("notes", sa.Text, nullable=False, server_default=""),
    sa.Column("rate_low", sa.SmallInteger),
    sa.Column("rate_high", sa.SmallInteger),
    sa.Column("changed_ms", _LONG, nullable=False, server_default="0"),
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("patients", column)
    op.execute("UPDATE patients SET changed_ms = created_ms")


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_column("patients", column.name)
