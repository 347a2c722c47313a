"""The bounds on connections, bodies and unread answers of one HTTP process.

The settings are totals over all HTTP processes; each process has an equal share.
"""

from __future__ import annotations

import ipaddress
import logging
import resource
from dataclasses import dataclass
from typing import Final

from server.settings import MIB, Settings

logger = logging.getLogger("ecg.http")

# Files of an HTTP process that are no connections: sockets of the queues, pidfds of the workers,
# large messages on their way. About 60 at rest.
OTHER_FILES: Final = 512
IPV6_SUBNET_BITS: Final = 64  # RFC 6177: the least that a site is given


@dataclass(frozen=True)
class HttpLimits:
    """Bounds of one HTTP process, in bytes and seconds. docs/settings.md describes each."""

    head_bytes: int
    head_timeout_s: float
    keep_alive_s: float
    connections: int
    connections_per_client: int
    uploads: int
    body_bytes: int
    bodies_bytes: int
    stall_timeout_s: float
    min_bytes_per_s: float
    answer_timeout_s: float
    unread_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> HttpLimits:
        def share(total: int) -> int:
            return -(-total // settings.api_workers)

        return cls(
            head_bytes=settings.max_head_kb * 1024,
            head_timeout_s=settings.head_timeout,
            keep_alive_s=settings.keep_alive,
            connections=share(settings.max_connections),
            connections_per_client=share(settings.max_connections_per_client),
            uploads=share(settings.max_uploads),
            body_bytes=settings.max_body_bytes,
            # At least one body of the largest size, or none of that size would be accepted.
            bodies_bytes=max(share(settings.max_bodies_mb * MIB), settings.max_body_bytes),
            stall_timeout_s=settings.stall_timeout,
            min_bytes_per_s=settings.min_rate,
            answer_timeout_s=settings.answer_timeout,
            unread_bytes=share(settings.max_unread_mb * MIB),
        )


def client_group(host: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 network of an IPv6 one.

    A host that is no address (a test's, or a proxy's) is returned unchanged.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_SUBNET_BITS), strict=False))


def raise_file_limit(settings: Settings) -> None:
    """Let this process and its children open a file for each allowed connection.

    Many systems allow 1,024 files by default (the soft limit), and far more on request.
    """
    needed = -(-settings.max_connections // settings.api_workers) + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    allowed = min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        logger.warning(
            "%d open files are allowed; %d connections (ECG_MAX_CONNECTIONS) need %d",
            allowed,
            settings.max_connections,
            needed,
        )
