"""Takes HL7 messages by MLLP, and acknowledges each after the commit of its waveforms.

The minimal lower layer protocol (HL7 v2, appendix C) has a vertical tab before a message, and a
file separator and a carriage return after it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from errors import BadBridge
from station.ingest.hl7.answers import Answers

logger = logging.getLogger("ecg.station.hl7")

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
MAX_CONNECTIONS: Final = 64


class Hl7Listener:
    """Serves MLLP: a message at a time on each connection, as the protocol has it."""

    def __init__(
        self, host: str, port: int, answers: Answers, *, limit_bytes: int, timeout_s: float
    ) -> None:
        """timeout_s: in which a message must arrive, and its acknowledgement be taken."""
        self._host, self._port, self._answers = host, port, answers
        self._limit_bytes, self._timeout_s = limit_bytes, timeout_s
        self._server: asyncio.Server | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises BadBridge where the port is taken."""
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._port, limit=self._limit_bytes
            )
        except OSError as error:
            raise BadBridge(f"STATION_HL7_PORT {self._port}: {error.strerror}") from None
        logger.info("HL7 messages are taken on %s, port %d", self._host, self._port)

    async def stop(self) -> None:
        """Take no more messages, and acknowledge those that are being stored."""
        if self._server is None:
            return
        self._server.close()
        if self._answering:
            await asyncio.wait(self._answering, timeout=self._timeout_s)
        for task in self._reading:
            task.cancel()
        if self._reading:
            await asyncio.wait(self._reading)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._reading.add(task)
        try:
            if len(self._reading) > MAX_CONNECTIONS:
                logger.warning("more than %d HL7 connections", MAX_CONNECTIONS)
                return
            # Whatever ends a connection, its sender sends again what was not acknowledged.
            with suppress(asyncio.CancelledError, OSError, EOFError, TimeoutError):
                while (content := await self._next(reader)) is not None:
                    await self._answer(content, writer)
        finally:
            self._reading.discard(task)
            writer.close()

    async def _next(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return the next message; None for what is none, or is too large.

        Raises IncompleteReadError at the end of the connection, TimeoutError.
        """
        begin = await reader.readexactly(1)
        while begin in (b"\r", b"\n"):
            begin = await reader.readexactly(1)
        if begin != BEGIN:
            logger.warning("a connection sends something else than HL7 by MLLP")
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                return (await reader.readuntil(END))[: -len(END)]
        except asyncio.LimitOverrunError:
            logger.warning("an HL7 message is larger than %d bytes", self._limit_bytes)
            return None

    async def _answer(self, content: bytes, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._write_answer(content, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        await task

    async def _write_answer(self, content: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(BEGIN + await self._answers.answer(content) + END)
        async with asyncio.timeout(self._timeout_s):
            await writer.drain()
