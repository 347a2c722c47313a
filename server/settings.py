"""Every setting of the server: an environment variable ECG_NAME, and a flag --name.

`scripts/serve --help` and docs/settings.md are made from this module.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from intervals.measurements import Method
from model_store.manifest import default_models_dir
from server.stages.cost_limit import CostLimit

MIB: Final = 1024 * 1024
DAY_S: Final = 86_400  # no wait is longer; timers cannot hold an infinite one
DEVICE_LIST: Final = re.compile(r"cuda:\d+(,cuda:\d+)*", re.ASCII)


# Settings that /health reports as limits.
LIMITS: Final = (
    "max_in_flight",
    "max_waiting",
    "max_connections",
    "max_connections_per_client",
    "max_head_kb",
    "head_timeout",
    "keep_alive",
    "max_uploads",
    "max_bodies_mb",
    "min_rate",
    "stall_timeout",
    "answer_timeout",
    "max_unread_mb",
    "max_body_mb",
    "max_records",
    "max_seconds",
    "body_timeout",
    "request_timeout",
    "hang_timeout",
    "max_cpu_seconds",
    "worker_memory_mb",
    "reader_memory_mb",
)

# Variables of the scripts, the tests and the client (client/ecgfm_client/variables.py).
OTHER_VARIABLES: Final = frozenset(
    {"ECG_VENV", "ECG_DEPLOY_VENV", "ECG_SHARED_DATA", "ECGFM_URL", "ECGFM_API_KEY"}
)


def _core_count() -> int:
    # The cores that this process may use, which a container may limit. Linux only.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """Every limit and choice. Flags override the environment, which overrides the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="ECG_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: Literal["127.0.0.1", "0.0.0.0", "::"] = Field(
        "127.0.0.1", description="Address to listen on; 0.0.0.0 or :: for all interfaces"
    )
    port: int = Field(8000, ge=1024, le=65535, description="Port to listen on")
    key_file: Path | None = Field(
        None,
        description="File of API keys, which `python -m server keys` writes; with it every route "
        "but the probes needs a key",
    )
    allow_anonymous: bool = Field(
        False,
        description="Serve everybody who sends no credential; needed on other addresses than "
        "127.0.0.1 where there are neither keys nor an issuer",
    )
    open_scopes: str = Field(
        "",
        description="Scopes that need no credential, comma-separated: docs, analyze, features, "
        "operator",
    )
    key_rate: str | None = Field(
        None, description="Requests that each key or token may send, e.g. 600/minute"
    )
    key_max_in_flight: int | None = Field(
        None, ge=1, le=65536, description="Requests that each key or token may have in flight"
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer of bearer tokens (OpenID Connect), exactly as in their iss claim"
    )
    oidc_audience: str | None = Field(
        None, description="What the aud claim of tokens must name; required with an issuer"
    )
    oidc_jwks_url: str | None = Field(
        None, description="Address of the issuer's keys; default: from its discovery document"
    )
    oidc_algorithms: str = Field(
        "RS256,ES256", description="Signatures of tokens that are accepted, comma-separated"
    )
    oidc_clock_skew: int = Field(
        60, ge=0, le=600, description="Seconds by which the issuer's clock may differ"
    )
    oidc_scope_claim: str = Field(
        "scope",
        description="Claim with the scopes: a string of words or a list; a path such as "
        "realm_access.roles reaches into objects",
    )
    oidc_scope_prefix: str = Field(
        "ecg:", description="Before each scope in that claim, e.g. ecg:analyze"
    )
    allowed_hosts: str | None = Field(
        None,
        description="Host names of this server, comma-separated, * for all; default: localhost, "
        "127.0.0.1 and [::1] on 127.0.0.1, elsewhere all",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may use the server, comma-separated, e.g. "
        "https://viewer.example.org; * for all",
    )
    tls_certificate: Path | None = Field(
        None, description="Certificate chain in PEM; with it the server speaks HTTPS only"
    )
    tls_key: Path | None = Field(None, description="Private key of the certificate, in PEM")
    tls_min_version: Literal["1.2", "1.3"] = Field("1.2", description="Lowest version of TLS")
    tls_client_ca: Path | None = Field(
        None,
        description="CA in PEM; with it every connection needs a client certificate that it signed",
    )
    model: str = Field(
        "auto", description="auto, ecg-fm, embedded, none, or the folder of a bundle"
    )
    clinical_checkpoint: Path | None = Field(
        None,
        description="Your own fine-tuned checkpoint: fairseq-signals .pt, or a bundle's folder",
    )
    features_checkpoint: Path | None = Field(
        None,
        description="Your own pretrained checkpoint: fairseq-signals .pt, or a bundle's folder",
    )
    models_dir: Path | None = Field(
        None,
        description="Folder of bundles; default: ecg-fm-server in the user's cache folder",
    )
    measurements_method: Method = Field(
        "delineator",
        description="What the part measurements of /analyze is measured by where a request names "
        "no method: delineator, or neurokit2, which every signal worker then loads at its start",
    )
    device: str = Field(
        "auto", description="auto, cpu, cuda, or cuda:N,... (one model worker per device)"
    )
    dtype: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        "auto",
        description="Data type of the encoder; auto: bfloat16 on CUDA from Ampere on, and for "
        "ECG-FM on a CPU with AVX512-BF16 or AMX; else float32. tf32: float32 whose products have "
        "a mantissa of 10 bits, CUDA only",
    )
    api_workers: int = Field(1, ge=1, le=64, description="HTTP processes")
    signal_workers: int = Field(
        max(2, _core_count() // 2),
        ge=1,
        le=256,
        description="Processes that read recordings; default: half the cores, at least 2",
    )
    max_in_flight: int = Field(
        64,
        ge=1,
        le=65536,
        description="Requests in flight, over all HTTP processes; more are refused with 429",
    )
    max_waiting: int = Field(
        32,
        ge=0,
        le=65536,
        description="Requests that wait, in order, for a place in flight, over all HTTP processes; "
        "the more wait, the more of the new ones are refused with 429",
    )
    max_connections: int = Field(
        2048, ge=1, le=1_000_000, description="Open connections, over all HTTP processes"
    )
    max_connections_per_client: int = Field(
        1024,
        ge=1,
        le=1_000_000,
        description="Open connections of one IPv4 address or IPv6 /64 network",
    )
    max_head_kb: int = Field(
        64, ge=4, le=1024, description="Largest head of a request (its URL and fields) in KiB"
    )
    head_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds within which a head must be received"
    )
    keep_alive: float = Field(
        75.0,
        gt=0,
        le=3600,
        description="Seconds after which a connection without a request is closed; longer than a "
        "load balancer's own",
    )
    max_uploads: int = Field(
        256, ge=1, le=65536, description="Bodies that are received at once, over all HTTP processes"
    )
    max_bodies_mb: int = Field(
        512,
        ge=1,
        le=1_048_576,
        description="MiB of bodies in memory, received in part or in flight, over all HTTP "
        "processes; each process accepts at least one of the largest size",
    )
    min_rate: float = Field(
        240.0,
        ge=0,
        le=1e9,
        description="Bytes per second at which a client must send a body, and read an answer",
    )
    stall_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds over which ECG_MIN_RATE is measured"
    )
    answer_timeout: float = Field(
        60.0,
        gt=0,
        le=86_400,
        description="Seconds within which a client must read an answer, from when it is complete",
    )
    max_unread_mb: int = Field(
        256,
        ge=1,
        le=1_048_576,
        description="MiB of answers that clients have not read, over all HTTP processes; beyond "
        "it, those that wait longest are given up",
    )
    body_timeout: float = Field(
        30.0, gt=0, le=DAY_S, description="Seconds within which a body must be received"
    )
    request_timeout: float = Field(
        30.0,
        gt=0,
        le=DAY_S,
        description="Seconds for an answer, plus 1 s for each 10 s of signal",
    )
    hang_timeout: float = Field(
        120.0,
        gt=0,
        le=DAY_S,
        description="Seconds without progress after which a worker is killed and replaced",
    )
    max_cpu_seconds: float = Field(
        20.0,
        gt=0,
        description="CPU seconds that reading a body or file, or processing one recording, may "
        "take; beyond that the request is answered with too_costly",
    )
    worker_memory_mb: int = Field(
        4096,
        ge=64,
        description="MiB of memory that a signal worker may take for its requests",
    )
    reader_memory_mb: int = Field(
        1024,
        ge=64,
        description="MiB of memory that the process that reads files for a signal worker may take "
        "for one upload",
    )
    max_body_mb: int = Field(
        64, ge=1, le=1024, description="Largest body in MiB, compressed and decompressed"
    )
    max_records: int = Field(
        256, ge=1, le=100_000, description="Largest number of recordings in one request"
    )
    max_seconds: float = Field(600.0, ge=10, le=86_400, description="Longest recording in seconds")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest severity that is logged"
    )
    log_json: bool = Field(False, description="Log lines as JSON objects")
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP), such as "
        "http://localhost:4318, which then gets traces and logs",
    )

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if value in ("auto", "cpu", "cuda") or DEVICE_LIST.fullmatch(value):
            return value
        raise ValueError("must be auto, cpu, cuda, or cuda:N,...")

    @field_validator("otlp_endpoint")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        if url.scheme in ("http", "https") and url.hostname and not (url.query or url.fragment):
            return value
        raise ValueError("must be a URL such as http://localhost:4318")

    @property
    def max_body_bytes(self) -> int:
        return self.max_body_mb * MIB

    @property
    def worker_cost_limit(self) -> CostLimit:
        return CostLimit(self.max_cpu_seconds, self.worker_memory_mb, "ECG_WORKER_MEMORY_MB")

    @property
    def reader_cost_limit(self) -> CostLimit:
        return CostLimit(self.max_cpu_seconds, self.reader_memory_mb, "ECG_READER_MEMORY_MB")

    @property
    def max_in_flight_per_http_process(self) -> int:
        """Return the share of one HTTP process, rounded up."""
        return -(-self.max_in_flight // self.api_workers)

    @property
    def max_waiting_per_http_process(self) -> int:
        """Return the share of one HTTP process, rounded up."""
        return -(-self.max_waiting // self.api_workers)

    @property
    def models_folder(self) -> Path:
        return self.models_dir or default_models_dir()

    @property
    def has_credentials(self) -> bool:
        """Return whether there are keys or tokens to be asked for."""
        return self.key_file is not None or self.oidc_issuer is not None

    @property
    def cors_origin_list(self) -> tuple[str, ...]:
        return comma_separated(self.cors_origins)

    def limits(self) -> dict[str, Any]:
        """Return the limits as /health shows them."""
        return {name: getattr(self, name) for name in LIMITS}


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the words of a setting that is a list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def parse_arguments(arguments: list[str]) -> Settings:
    """Return the settings from the environment and the command line.

    Exits with the status 2 and a message where a value is not allowed.
    """
    parser = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Serve ECG-FM over HTTP. Each flag is also an environment variable.",
    )
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        default = "none" if field.default is None else field.default
        description = f"{field.description} (ECG_{name.upper()}; default: {default})"
        shape: dict[str, Any] = {"metavar": "VALUE"}
        if field.annotation is bool:
            # Without a value the flag turns the setting on.
            shape = {"metavar": "true|false", "nargs": "?", "const": "true"}
        # SUPPRESS: a flag that is not given leaves the value to the environment. argparse formats
        # the help with %.
        parser.add_argument(
            flag,
            dest=name,
            default=argparse.SUPPRESS,
            help=description.replace("%", "%%"),
            **shape,
        )
    try:
        return Settings(**vars(parser.parse_args(arguments)))
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            name = str(fault["loc"][0]).upper()
            faults.append(f"ECG_{name} is {fault['input']!r}: {fault['msg']}")
        parser.error("; ".join(faults))


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that looks like a setting and is not one.

    These are misspelt, or of another version. Upper and lower case are the same, as in the
    settings. The prefix ECGFM_ is that of the client's variables.

    environment  the names of the variables
    """
    known = {f"ECG_{name.upper()}" for name in Settings.model_fields}
    sentences = []
    for name in sorted(environment):
        upper = name.upper()
        if not upper.startswith(("ECG_", "ECGFM_")) or upper in known or upper in OTHER_VARIABLES:
            continue
        similar = get_close_matches(upper.replace("ECGFM_", "ECG_", 1), known, n=1)
        hint = f"; {similar[0]} is similar" if similar else ""
        sentences.append(f"{name} is no setting of this version and is ignored{hint}")
    return sentences
