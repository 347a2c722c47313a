"""The table of the files of the archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "archive_files",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rows", _LONG, nullable=False),
        sa.Column("bytes", _LONG, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("first_ms", _LONG, nullable=False),
        sa.Column("last_ms", _LONG, nullable=False),
        sa.Column("last_key", _LONG),
        sa.Column("written_ms", _LONG, nullable=False),
    )
    op.create_index("ix_archive_files_state", "archive_files", ["state"])
    op.create_index("ix_archive_files_dataset_last_ms", "archive_files", ["dataset", "last_ms"])


def downgrade() -> None:
    op.drop_table("archive_files")
