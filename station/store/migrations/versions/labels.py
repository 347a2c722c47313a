"""The tables of labels of windows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "window_labels",
        sa.Column("stream", _LONG, sa.ForeignKey("streams.id"), primary_key=True),
        sa.Column("start_ms", _LONG, primary_key=True),
        sa.Column("end_ms", _LONG, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("labels", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("at_ms", _LONG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "labelling",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("failed_ms", _LONG),
        sa.Column("reason", sa.Text),
    )


def downgrade() -> None:
    op.drop_table("labelling")
    op.drop_table("window_labels")
