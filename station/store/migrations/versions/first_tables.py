"""The tables of sources, patients, records, dead letters and offsets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_senders()
    _create_records()
    op.create_table(
        "dead_letters",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("received_ms", _LONG, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("seq", _LONG),
        sa.Column("last_seq", _LONG),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("frame", sa.LargeBinary),
    )
    op.create_index("ix_dead_letters_received_ms", "dead_letters", ["received_ms"])
    op.create_table(
        "offsets",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("partition", sa.Text, primary_key=True),
        sa.Column("next", _LONG, nullable=False),
    )


def _create_senders() -> None:
    op.create_table(
        "sources",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("key_prefix", sa.Text, nullable=False, unique=True),
        sa.Column("key_sha256", sa.Text, nullable=False),
        sa.Column("created_ms", _LONG, nullable=False),
        sa.Column("revoked_ms", _LONG),
        sa.Column("next_seq", _LONG),
        sa.Column("fs_hz", sa.Float(53)),
    )
    op.create_table(
        "patients",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_ms", _LONG, nullable=False),
    )


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("number", _LONG, primary_key=True),
        sa.Column("source_id", _LONG, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("seq", _LONG, nullable=False),
        sa.Column("patient_id", _LONG, sa.ForeignKey("patients.id"), nullable=False),
        sa.Column("device_ms", _LONG, nullable=False),
        sa.Column("end_ms", _LONG, nullable=False),
        sa.Column("received_ms", _LONG, nullable=False),
        sa.Column("crc", _LONG, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("beat_class", sa.SmallInteger, nullable=False),
        sa.Column("fs_hz", sa.Float(53), nullable=False),
        sa.Column("leads", sa.Text, nullable=False),
        sa.Column("encoding", sa.SmallInteger, nullable=False),
        sa.Column("gain", sa.Float(53), nullable=False),
        sa.Column("samples", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("source_id", "seq"),
    )
    op.create_index(
        "ix_records_patient_id_device_ms_number", "records", ["patient_id", "device_ms", "number"]
    )


def downgrade() -> None:
    for table in ("offsets", "dead_letters", "records", "patients", "sources"):
        op.drop_table(table)
