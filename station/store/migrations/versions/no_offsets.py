"""Drop the table of offsets, which nothing used, and an index that no query of dead letters needs.

Dead letters are read in the order of their ids.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.drop_table("offsets")
    op.drop_index("ix_dead_letters_received_ms", "dead_letters")


def downgrade() -> None:
    op.create_index("ix_dead_letters_received_ms", "dead_letters", ["received_ms"])
    op.create_table(
        "offsets",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("partition", sa.Text, primary_key=True),
        sa.Column("next", _LONG, nullable=False),
    )
