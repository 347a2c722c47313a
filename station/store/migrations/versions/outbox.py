"""The tables of the ways out of alarms: outlets, what each has to deliver, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until_ms", _LONG, nullable=False),
    )
    op.create_table(
        "outlets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("next_event", _LONG, nullable=False),
        sa.Column("sent", _LONG, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("outlet", sa.Text, sa.ForeignKey("outlets.name"), nullable=False),
        sa.Column("event", _LONG, nullable=False),
        sa.Column("alarm", _LONG, nullable=False),
        sa.Column("at_ms", _LONG, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", _LONG),
        sa.Column("reason", sa.Text),
        sa.UniqueConstraint("outlet", "event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_outlet_due_ms", "deliveries", ["outlet", "due_ms"])


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("outlets")
    op.drop_table("leases")
