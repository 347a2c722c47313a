"""How far behind the worker of a partition is: only the partition's consumer can know it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "cursors", sa.Column("behind", sa.BigInteger().with_variant(sa.Integer, "sqlite"))
    )


def downgrade() -> None:
    op.drop_column("cursors", "behind")
