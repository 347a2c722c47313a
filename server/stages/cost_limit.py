"""What a worker or a reader process may spend on one request, and the errors beyond that."""

from __future__ import annotations

from dataclasses import dataclass

from errors import TooCostly

MIB = 1 << 20


@dataclass(frozen=True)
class CostLimit:
    """The limits of one kind of process.

    cpu_seconds   CPU time for a body or file, or for one recording of it (ECG_MAX_CPU_SECONDS)
    memory_mb     MiB of address space beyond those of a process without work
    memory_name   the setting of `memory_mb`
    """

    cpu_seconds: float
    memory_mb: int
    memory_name: str

    @property
    def memory_bytes(self) -> int:
        return self.memory_mb * MIB

    def memory_error(self) -> TooCostly:
        return TooCostly(
            f"more than {self.memory_mb} MB of memory are needed to process this recording, "
            f"the limit ({self.memory_name})"
        )

    def cpu_error(self) -> TooCostly:
        return cpu_error(self.cpu_seconds)


def cpu_error(cpu_seconds: float) -> TooCostly:
    return TooCostly(
        f"more than {cpu_seconds:g} s of CPU time are needed to process this recording, "
        "the limit (ECG_MAX_CPU_SECONDS)"
    )
