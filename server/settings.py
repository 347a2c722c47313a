"""Every setting of the server: an environment variable ECG_NAME, and a flag --name of the same name.

`scripts/serve --help` and docs/settings.md list them from here.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model_store.manifest import default_models_dir

MIB = 1024 * 1024
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Settings(BaseSettings):
    """One value for each limit and choice; flags win over the environment, that over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="ECG_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: Literal["127.0.0.1", "0.0.0.0", "::"] = Field(
        "127.0.0.1", description="Address to listen on; 0.0.0.0 or :: for all interfaces"
    )
    port: int = Field(8000, ge=1024, le=65535, description="Port to listen on")
    model: str = Field(
        "auto", description="auto, ecg-fm, embedded, none, or the folder of a bundle"
    )
    clinical_checkpoint: Path | None = Field(
        None,
        description="Fine-tuned checkpoint of your own: fairseq-signals .pt, or the folder of a bundle",
    )
    features_checkpoint: Path | None = Field(
        None,
        description="Pretrained checkpoint of your own: fairseq-signals .pt, or the folder of a bundle",
    )
    models_dir: Path | None = Field(
        None,
        description="Where bundles are kept; default: ecg-fm-server in the user's cache folder",
    )
    device: str = Field(
        "auto", description="auto, cpu, cuda, or cuda:N,... (one model worker each)"
    )
    dtype: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        "auto",
        description="Numbers of the encoder; auto: bfloat16 on CUDA from Ampere on, and for ECG-FM on a CPU with AVX512-BF16 or AMX; "
        "else float32. tf32: float32 with products of 10 bits, on CUDA alone",
    )
    api_workers: int = Field(1, ge=1, le=64, description="HTTP processes")
    signal_workers: int = Field(
        max(2, CORES // 2),
        ge=1,
        le=256,
        description="Processes that read and judge recordings; default: half the cores, at least 2",
    )
    max_in_flight: int = Field(
        64,
        ge=1,
        le=65536,
        description="Requests taken in at once, over all HTTP processes; more are refused with 429",
    )
    body_timeout: float = Field(
        30.0, gt=0, description="Seconds within which a body must have come"
    )
    request_timeout: float = Field(
        30.0, gt=0, description="Seconds for an answer, plus 1 s for each 10 s of signal sent"
    )
    hang_timeout: float = Field(
        120.0,
        gt=0,
        description="Seconds after which a worker that is busy with one thing is ended and replaced",
    )
    max_body_mb: int = Field(
        64, ge=1, le=1024, description="Largest body in MiB, packed and unpacked"
    )
    max_records: int = Field(256, ge=1, le=100_000, description="Most recordings in one request")
    max_seconds: float = Field(600.0, ge=10, le=86_400, description="Longest recording in seconds")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged"
    )
    log_json: bool = Field(False, description="Log lines as JSON objects")

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if value in ("auto", "cpu", "cuda") or all(
            part.startswith("cuda:") and part[5:].isdigit() for part in value.split(",")
        ):
            return value
        raise ValueError("must be auto, cpu, cuda, or cuda:N,...")

    @property
    def max_body_bytes(self) -> int:
        return self.max_body_mb * MIB

    @property
    def max_in_flight_per_api_worker(self) -> int:
        return -(-self.max_in_flight // self.api_workers)

    @property
    def models_folder(self) -> Path:
        return self.models_dir or default_models_dir()

    def limits(self) -> dict[str, Any]:
        """The limits as /health shows them."""
        names = (
            "max_in_flight",
            "max_body_mb",
            "max_records",
            "max_seconds",
            "body_timeout",
            "request_timeout",
            "hang_timeout",
        )
        return {name: getattr(self, name) for name in names}


def parse_arguments(arguments: list[str]) -> Settings:
    """Settings from the environment and the command line; exits with a clear message where one is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Serve ECG-FM over HTTP. Each flag is also an environment variable.",
    )
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else field.default
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{field.description} (ECG_{name.upper()}; default: {default})".replace("%", "%%"),
        )
    try:
        return Settings(**vars(parser.parse_args(arguments)))
    except ValidationError as error:
        faults = [
            f"ECG_{str(fault['loc'][0]).upper()} is {fault['input']!r}: {fault['msg']}"
            for fault in error.errors()
        ]
        parser.error("; ".join(faults))
