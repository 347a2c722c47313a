"""Kills, stops and attacks a running server, in an order drawn by a seed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import psutil

from tests.server.chaos.account import Account
from tests.server.chaos.attackers import Attackers, FullDisk
from tests.server.harness import RunningServer

ATTACKS_AT_ONCE: Final = 3
# Less than the 10 s without a heartbeat after which the supervisor replaces a process.
SHORT_STOP_S: Final = (0.2, 3.0)


class Disturber:
    """Draws disturbances from a deck, which is shuffled again whenever it is used up.

    So each kind occurs equally often, in an order that differs each time.

    disk  None where no file system can be mounted, so that the disk is never full
    """

    def __init__(
        self,
        server: RunningServer,
        account: Account,
        attackers: Attackers,
        disk: FullDisk | None,
        rng: np.random.Generator,
    ) -> None:
        self._server = server
        self._account = account
        self._attackers = attackers
        self._rng = rng
        self._attacks: dict[str, Callable[[], None]] = {
            "slow heads": attackers.slow_heads,
            "slow bodies": attackers.slow_bodies,
            "unread answers": attackers.unread_answers,
            "silent connections": attackers.silent,
            "clients that leave": attackers.gone_before_the_answer,
            "bytes that are no HTTP": attackers.noise,
            "bodies that are no recordings": attackers.garbage_bodies,
        }
        self._faults: dict[str, Callable[[], None]] = {
            "signal worker killed": lambda: self._signal_one(server.workers("signal")),
            "model worker killed": lambda: self._signal_one(server.workers("model")),
            "reader killed": lambda: self._signal_one(server.readers()),
            "HTTP process killed": lambda: self._end_http(signal.SIGKILL),
            "HTTP process stopped": lambda: self._end_http(signal.SIGSTOP),
            "signal worker stopped": lambda: self._stop_one(server.workers("signal")),
            "model worker stopped": lambda: self._stop_one(server.workers("model")),
            "any process stopped for a moment": self._pause_one,
        }
        if disk is not None:
            self._attacks["disk full"] = disk.fill
            self._attacks["disk has space again"] = disk.free
        self._deck: list[str] = []

    @property
    def kinds(self) -> int:
        return len(self._attacks) + len(self._faults)

    def disturb(self) -> None:
        """Do one of everything."""
        if not self._deck:
            self._deck = list(self._rng.permutation([*self._attacks, *self._faults]))
        self._do(self._deck.pop())

    def attack(self) -> None:
        """Do one of what leaves the processes as they are."""
        self._do(str(self._rng.choice(list(self._attacks))))

    def _do(self, kind: str) -> None:
        self._account.note_disturbance(kind)
        (self._attacks | self._faults)[kind]()
        self._attackers.end_oldest(ATTACKS_AT_ONCE)

    def _draw(self, pids: list[int]) -> int | None:
        return int(self._rng.choice(pids)) if pids else None

    def _signal_one(self, pids: list[int], number: signal.Signals = signal.SIGKILL) -> None:
        pid = self._draw(pids)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _stop_one(self, pids: list[int]) -> None:
        """Stop a worker for good; the supervisor is to notice that it hangs."""
        self._signal_one(pids, signal.SIGSTOP)

    def _pause_one(self) -> None:
        main = self._server.process.pid
        processes = [process.pid for process in self._server.processes() if process.pid != main]
        pid = self._draw(processes)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._note_connections(pid)
            time.sleep(self._rng.uniform(*SHORT_STOP_S))
            os.kill(pid, signal.SIGCONT)

    def _end_http(self, number: signal.Signals) -> None:
        """Kill an HTTP process, or stop it for good, once its connections are noted."""
        pid = self._draw(self._server.http_processes())
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # Stopped, it accepts no connection that would not be noted.
            os.kill(pid, signal.SIGSTOP)
            self._note_connections(pid)
            os.kill(pid, number)

    def _note_connections(self, pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            connections = process.net_connections("tcp")
            ports = [connection.raddr.port for connection in connections if connection.raddr]
            self._account.note_doomed(process, ports)
