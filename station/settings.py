"""Every setting of the station: an environment variable STATION_NAME, and a flag --name.

`scripts/station --help` and the table in docs/station.md are made from this module.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from station.alarms.policies import Priority
from station.times import DAY_S

KIB: Final = 1024
Role = Literal["front", "watch", "web"]
ROLES: Final[tuple[Role, ...]] = ("front", "watch", "web")


class Settings(BaseSettings):
    """Every limit and choice. Flags override the environment, which overrides the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="STATION_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: Literal["127.0.0.1", "0.0.0.0", "::"] = Field(
        "127.0.0.1", description="Address to listen on; 0.0.0.0 or :: for all interfaces"
    )
    port: int = Field(8100, ge=1024, le=65535, description="Port to listen on")
    database: str = Field(
        "sqlite:///station.db",
        description="Database: sqlite:///FILE or postgresql://USER@HOST/NAME",
    )
    key_file: Path | None = Field(
        None, description="File of people's and gateways' keys, which `scripts/station keys` writes"
    )
    max_body_kb: int = Field(
        4096, ge=4, le=65_536, description="Size of a post in KiB; larger ones get 413"
    )
    max_bodies_mb: int = Field(
        64, ge=1, le=65_536, description="Bodies in memory, in MiB; beyond, posts get 429"
    )
    max_records: int = Field(5000, ge=1, le=100_000, description="Records of a post; more get 413")
    max_waiting: int = Field(
        20_000,
        ge=1,
        le=10_000_000,
        description="Records that wait to be stored; beyond, posts get 429",
    )
    max_connections: int = Field(
        1024, ge=1, le=65_536, description="Connections and requests at once; more get 503"
    )
    roles: str = Field(
        ",".join(ROLES),
        pattern=f"^({'|'.join(ROLES)})(,({'|'.join(ROLES)}))*$",
        description="What this process does: front takes records in, watch watches them, web "
        "answers everything else",
    )
    stale: float = Field(
        5,
        gt=0,
        le=DAY_S,
        description="Seconds without records until the ward shows a stream as stale",
    )
    no_data: float = Field(
        10, gt=0, le=DAY_S, description="Seconds without records of a stream until an alarm"
    )
    stream_end: float = Field(
        3600, gt=0, le=DAY_S, description="Seconds without records until a stream has ended"
    )
    ventricular_beats: float = Field(
        10, gt=0, le=1000, description="Ventricular beats a minute; more raise an alarm"
    )
    receivers: str = Field(
        "ward",
        pattern=r"^[A-Za-z0-9._@-]+(,[A-Za-z0-9._@-]+)*$",
        description="Who is told of alarms, the first one first; the next ones by escalation",
    )
    escalate_after: float = Field(
        60,
        ge=1,
        le=DAY_S,
        description="Seconds until an alarm that nobody acknowledges goes to the next receiver",
    )
    max_event_clients: int = Field(
        100, ge=1, le=10_000, description="Clients that listen to events; more get 429"
    )
    body_timeout: float = Field(
        30, gt=0, le=DAY_S, description="Seconds in which a body must arrive; else 408"
    )
    clock_ahead: float = Field(
        60,
        ge=0,
        le=DAY_S,
        description="Seconds that a record's time may be ahead of the station's clock",
    )
    clock_behind: float = Field(
        7 * DAY_S,
        gt=0,
        le=36_500 * DAY_S,
        description="Seconds that a record's time may be behind the station's clock",
    )
    archive: str | None = Field(
        None, description="URL of the archive that old rows are moved to: a folder, s3://BUCKET/..."
    )
    keep_records: float | None = Field(
        None, gt=0, description="Days until records and dead letters are moved; none: never"
    )
    keep_findings: float | None = Field(
        None,
        gt=0,
        description="Days until beats, windows, gaps and problems are moved; none: never",
    )
    keep_events: float | None = Field(
        None, gt=0, description="Days until events are moved; none: never"
    )
    hl7_port: int | None = Field(
        None, ge=1024, le=65535, description="Port for HL7 v2 messages by MLLP"
    )
    hl7_key: str | None = Field(
        None, description="Key of HL7 messages that have none in MSH-8; none: they are rejected"
    )
    mqtt: str | None = Field(
        None,
        description="MQTT broker to take records from: mqtt[s]://USER:PASSWORD@HOST:PORT/TOPIC",
    )
    mqtt_ca_file: Path | None = Field(
        None, description="Certificates that mqtts:// is checked by; none for the system's"
    )
    kafka: str | None = Field(
        None,
        description="Kafka between fronts and watches on several machines: "
        "kafka://HOST:PORT,HOST:PORT/TOPIC",
    )
    kafka_options: Path | None = Field(
        None, description="File of librdkafka's options, NAME=VALUE a line, such as TLS and SASL"
    )
    server: str | None = Field(
        None,
        description="Inference server that labels windows of twelve leads: http[s]://HOST:PORT",
    )
    server_key: str | None = Field(
        None, description="Key of the inference server, with the scope analyze"
    )
    label_every: float = Field(
        10,
        ge=5,
        le=DAY_S,
        description="Seconds from one labelled window of a stream to the next",
    )
    webhook: str | None = Field(
        None, description="Address to which each step of an alarm is posted: http[s]://HOST/PATH"
    )
    webhook_secret: str | None = Field(
        None, description="Secret that signs these posts: whsec_ and 24 to 64 bytes in base64"
    )
    email: str | None = Field(
        None,
        description="Mail server for alarms that fire or are escalated: "
        "smtp[s]://USER:PASSWORD@HOST:PORT",
    )
    email_from: str | None = Field(None, description="Sender of these messages")
    email_to: str = Field(
        "", description="Addresses of STATION_RECEIVERS: RECEIVER=ADDRESS,RECEIVER=ADDRESS"
    )
    email_priorities: str = Field(
        f"{Priority.HIGH},{Priority.MEDIUM}",
        pattern=f"^({'|'.join(Priority)})(,({'|'.join(Priority)}))*$",
        description="Priorities of the alarms of which messages are sent",
    )
    hl7_alerts: str | None = Field(
        None, description="HL7 v2 receiver of alerts (ORU^R40, IHE ACM): mllp://HOST:PORT"
    )
    deliver_within: float = Field(
        DAY_S,
        ge=1,
        le=36_500 * DAY_S,
        description="Age in seconds at which a step that could not be delivered is a dead letter",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lines below this level are not logged"
    )
    log_json: bool = Field(False, description="Log JSON objects, one a line")

    def has_role(self, role: Role) -> bool:
        return role in self.roles.split(",")

    @model_validator(mode="after")
    def _check_bodies(self) -> Self:
        if self.max_body_kb * KIB > self.max_bodies_mb * KIB * KIB:
            raise ValueError(
                f"STATION_MAX_BODY_KB is {self.max_body_kb}, which is more than "
                f"STATION_MAX_BODIES_MB ({self.max_bodies_mb}) allows for all posts together"
            )
        return self

    @model_validator(mode="after")
    def _check_ages(self) -> Self:
        # Sent again after it was moved, a record would be stored once more: its clock refuses it.
        least_days = (self.clock_behind + self.clock_ahead) / DAY_S
        clocks = "STATION_CLOCK_BEHIND and STATION_CLOCK_AHEAD"
        # An event is needed as long as it may be delivered.
        delivered_days = self.deliver_within / DAY_S
        for name, days, least, of in (
            ("STATION_KEEP_RECORDS", self.keep_records, least_days, clocks),
            ("STATION_KEEP_FINDINGS", self.keep_findings, least_days, clocks),
            ("STATION_KEEP_EVENTS", self.keep_events, delivered_days, "STATION_DELIVER_WITHIN"),
        ):
            if days is not None and days < least:
                raise ValueError(
                    f"{name} is {days:g}, which is less than the {least:g} days of {of}"
                )
        return self


def add_flags(parser: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
    """Add a flag for each setting. One that is not given leaves the value to the environment.

    names  of the settings that a command uses; None for all
    """
    for name, field in Settings.model_fields.items():
        if names is not None and name not in names:
            continue
        default = "none" if field.default is None else field.default
        description = f"{field.description} (STATION_{name.upper()}; default: {default})"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=description.replace("%", "%%"),
        )


def settings_of(parser: argparse.ArgumentParser, options: dict[str, Any]) -> Settings:
    """Return the settings. Exits with the status 2 and a message where one is not allowed."""
    flags = {name: value for name, value in options.items() if name in Settings.model_fields}
    try:
        return Settings(**flags)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            # A fault of several settings together has no place of its own, and names them itself.
            places = [f"STATION_{str(name).upper()} is {fault['input']!r}" for name in fault["loc"]]
            faults.append(": ".join([*places, fault["msg"]]))
        parser.error("; ".join(faults))
