"""The tables of watching: streams, what is found in them, alarms, and the events of clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_streams()
    _create_progress()
    _create_watched()
    _create_beat_records()
    _create_alarms()
    op.create_table(
        "events",
        sa.Column("id", _LONG, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("patient_id", _LONG, sa.ForeignKey("patients.id")),
        sa.Column("at_ms", _LONG, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )


def _long(name: str, refers_to: str = "", **options: object) -> sa.Column[int]:
    keys = (sa.ForeignKey(refers_to),) if refers_to else ()
    return sa.Column(name, _LONG, *keys, **({"nullable": False} | options))  # type: ignore[arg-type]


def _create_streams() -> None:
    op.create_table(
        "streams",
        _long("id", primary_key=True),
        _long("source_id", "sources.id"),
        _long("patient_id", "patients.id"),
        sa.Column("leads", sa.Integer, nullable=False),
        _long("newest_ms"),
        _long("received_ms"),
        _long("closed_ms", nullable=True),
        sa.Column("rate_per_min", sa.Float(53)),
        sa.Column("known", sa.Float(53)),
        sa.Column("irregular", sa.Boolean),
        _long("last_beat_ms", nullable=True),
        sa.Column("last_beats", sa.Text, nullable=False),
        sa.UniqueConstraint("source_id", "patient_id"),
    )
    op.create_index("ix_streams_patient_id", "streams", ["patient_id"])


def _create_progress() -> None:
    op.create_table(
        "cursors",
        sa.Column("worker", sa.Text, primary_key=True),
        _long("next"),
        _long("heartbeat_ms"),
    )
    op.create_table(
        "snapshots",
        _long("stream", "streams.id", primary_key=True),
        _long("begins_at"),
        sa.Column("data", sa.LargeBinary),
        _long("replay_from", nullable=True),
        sa.Column("rate_low", sa.SmallInteger),
        sa.Column("rate_high", sa.SmallInteger),
    )
    op.create_index("ix_snapshots_replay_from", "snapshots", ["replay_from"])
    op.create_table("unwatched", _long("record", primary_key=True, autoincrement=False))


def _create_watched() -> None:
    op.create_table(
        "beats",
        _long("stream", "streams.id", primary_key=True),
        _long("at_ms", primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
        sa.Column("interval_ms", sa.Integer),
        sqlite_with_rowid=False,
    )
    counts = [f"beats_{label}" for label in "nsvfq"]
    op.create_table(
        "windows",
        _long("stream", "streams.id", primary_key=True),
        _long("start_ms", primary_key=True),
        _long("end_ms"),
        sa.Column("known", sa.Float(53), nullable=False),
        sa.Column("rate_per_min", sa.Float(53)),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
        sa.Column("irregular", sa.Boolean),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gaps",
        _long("stream", "streams.id", primary_key=True),
        _long("start_ms", primary_key=True),
        _long("end_ms"),
        sqlite_with_rowid=False,
    )


def _create_beat_records() -> None:
    op.create_table(
        "beat_labels",
        _long("record", primary_key=True, autoincrement=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
    )
    op.create_table(
        "problems",
        _long("record", primary_key=True, autoincrement=False),
        _long("source_id", "sources.id"),
        _long("patient_id", "patients.id"),
        _long("at_ms"),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
    )
    op.create_index(
        "ix_problems_patient_id_at_ms_record", "problems", ["patient_id", "at_ms", "record"]
    )


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        _long("id", primary_key=True),
        _long("stream", "streams.id"),
        sa.Column("rule", sa.Text, nullable=False),
        _long("since_ms"),
        _long("found_ms"),
        sa.Column("value", sa.Float(53)),
        sa.Column("leads", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        _long("ended_ms", nullable=True),
        sa.Column("level", sa.Integer, nullable=False),
        _long("patient_id", "patients.id"),
        sa.Column("priority", sa.Text, nullable=False),
        _long("fired_ms", nullable=True),
        _long("changed_ms"),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.UniqueConstraint("stream", "rule", "since_ms"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarms_state", "alarms", ["state"])
    op.create_index("ix_alarms_patient_id_since_ms_id", "alarms", ["patient_id", "since_ms", "id"])
    op.create_index("ix_alarms_since_ms_id", "alarms", ["since_ms", "id"])
    op.create_table(
        "alarm_steps",
        _long("alarm", "alarms.id", primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        _long("at_ms"),
        _long("device_ms", nullable=True),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "silences",
        _long("id", primary_key=True),
        _long("patient_id", "patients.id"),
        _long("from_ms"),
        _long("until_ms"),
        sa.Column("by", sa.Text, nullable=False),
    )
    op.create_index("ix_silences_patient_id_id", "silences", ["patient_id", "id"])


def downgrade() -> None:
    for table in (
        *("events", "silences", "alarm_steps", "alarms", "problems", "beat_labels"),
        *("gaps", "windows", "beats", "unwatched", "snapshots", "cursors", "streams"),
    ):
        op.drop_table(table)
