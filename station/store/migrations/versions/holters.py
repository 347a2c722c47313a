"""The table of reports of long recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "holters",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("patient_id", _LONG, sa.ForeignKey("patients.id"), nullable=False),
        sa.Column("started", sa.Text),
        sa.Column("duration_s", sa.Float(53), nullable=False),
        sa.Column("created_ms", _LONG, nullable=False),
        sa.Column("json", sa.LargeBinary, nullable=False),
        sa.Column("pdf", sa.LargeBinary, nullable=False),
        sa.Column("html", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_holters_patient_id", "holters", ["patient_id"])


def downgrade() -> None:
    op.drop_table("holters")
