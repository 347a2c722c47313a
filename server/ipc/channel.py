"""Queues between the processes: socket pairs that keep messages whole, and whose waiting messages outlive any process but the main one.

Of many receivers that wait the kernel wakes one. A message too big for the socket travels as a file in memory (memfd_create(2)) whose
descriptor is sent in its place (unix(7), SCM_RIGHTS): mapped by who receives it, and gone with the last process that holds it, however
that ends. Arrays are not copied into the pickle nor out of it. Only this server's own processes write to these sockets, so unpickling
is safe: a request's bytes travel as bytes.
"""

from __future__ import annotations

import array
import mmap
import os
import pickle
import socket
import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

BUFFER_BYTES = (
    4 << 20
)  # asked for; Linux grants up to net.core.wmem_max, 208 KiB unless it was raised
# Of the buffer for one message: so some fit in. What fits costs half of what a file in memory costs (240 kB: 0.08 and 0.15 ms).
INLINE_SHARE = 8
ALIGNED_BYTES = 64  # where each part of a message begins, so that arrays can be used where they lie
_DESCRIPTOR_BYTES = array.array("i", [0]).itemsize
_COUNT = struct.Struct("<Q")


class Channel:
    """One queue. Any number of processes may send and receive, in each of them one thread; a process has it from its parent."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self._buffer: bytearray | None = None
        self.inline_bytes = (
            self._sender.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // INLINE_SHARE
        )

    @property
    def receiving_fd(self) -> int:
        """Readable when there is something to receive."""
        return self._receiver.fileno()

    @property
    def sending_fd(self) -> int:
        """Writable when there is room."""
        return self._sender.fileno()

    def close(self) -> None:
        """This process's two ends."""
        self._receiver.close()
        self._sender.close()

    def send(self, message: object) -> None:
        """Waits while the queue is full."""
        self._put(message, 0)

    def try_send(self, message: object) -> bool:
        """False where the queue is full."""
        try:
            self._put(message, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def receive(self) -> Any:
        """The next message; waits for it."""
        return self._get(0)

    def try_receive(self) -> Any:
        """The next message, None where there is none."""
        try:
            return self._get(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def _put(self, message: object, flags: int) -> None:
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
        sizes = [part.nbytes for part in parts]
        head = _padded(_COUNT.pack(len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes))
        if sum(sizes) <= self.inline_bytes:
            self._sender.sendmsg([head, *_with_padding(parts)], (), flags)
            return
        file = _written(parts)
        try:
            self._sender.sendmsg(
                [head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))], flags
            )
        finally:
            os.close(file)

    def _get(self, flags: int) -> Any:
        # The head and the padding of each part are beside what is counted as inline.
        # Into the same memory each time: a new piece of this size would be fresh pages, a fault each.
        if self._buffer is None:
            self._buffer = bytearray(2 * self.inline_bytes)
        length, beside, _, _ = self._receiver.recvmsg_into(
            [self._buffer], socket.CMSG_SPACE(_DESCRIPTOR_BYTES), flags | socket.MSG_CMSG_CLOEXEC
        )
        received = memoryview(self._buffer)[:length]
        (count,) = _COUNT.unpack_from(received)
        sizes = struct.unpack_from(f"<{count}Q", received, _COUNT.size)
        if not beside:
            pickled, *parts = _parts(received[_aligned(_COUNT.size * (1 + count)) :], sizes)
            return pickle.loads(pickled, buffers=[bytes(part) for part in parts])  # noqa: S301 - from a process of this server
        (file,) = array.array("i", beside[0][2])
        try:
            # Mapped at once: a fault for each page would cost more than the copy that is saved.
            mapped = mmap.mmap(file, 0, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ)
        finally:
            os.close(file)
        pickled, *parts = _parts(memoryview(mapped), sizes)
        return pickle.loads(pickled, buffers=parts)  # noqa: S301 - as above


def _with_padding(parts: Sequence[memoryview]) -> list[memoryview | bytes]:
    return [piece for part in parts for piece in (part, bytes(_aligned(part.nbytes) - part.nbytes))]


def _written(parts: Sequence[memoryview]) -> int:
    """A new file in memory with these parts, each aligned: its descriptor."""
    file = os.memfd_create("ecg", os.MFD_CLOEXEC)
    try:
        offset = 0
        for part in parts:
            _write(file, part.cast("B"), offset)
            offset += _aligned(part.nbytes)
        os.ftruncate(file, offset)
    except BaseException:
        os.close(file)
        raise
    return file


def _write(file: int, part: memoryview, offset: int) -> None:
    while part:
        written = os.pwrite(file, part, offset)
        part, offset = part[written:], offset + written


def _parts(content: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    """The pickle, then its arrays."""
    starts = accumulate((_aligned(size) for size in sizes), initial=0)
    return [content[start : start + size] for start, size in zip(starts, sizes, strict=False)]


def _aligned(size: int) -> int:
    return -(-size // ALIGNED_BYTES) * ALIGNED_BYTES


def _padded(head: bytes) -> bytes:
    return head.ljust(_aligned(len(head)), b"\0")
