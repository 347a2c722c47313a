"""Queues between processes: socket pairs (SOCK_SEQPACKET), which preserve message boundaries.

The main process keeps both ends open, so messages that wait in a socket survive the end of any
other process. Of several processes that wait to receive, the kernel wakes one.

A message too large for the socket is written to a file in memory (memfd_create(2)), and its
descriptor is sent instead (SCM_RIGHTS, unix(7)). The receiver maps the file; the kernel frees it
with the last process that holds it, however that process ends. Arrays are not copied into the
pickle, and those in a memory file are not copied out of it either.

Only this server's own processes write to these sockets, so unpickling is safe. A request's body is
a bytes object in a message and is not itself unpickled.
"""

from __future__ import annotations

import array
import mmap
import os
import pickle
import socket
import struct
import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from server.ipc.messages import Uid

# Linux grants at most net.core.wmem_max, 208 KiB by default, and doubles the figure that it grants,
# for its own bookkeeping (socket(7)).
REQUESTED_BUFFER_BYTES: Final = 4 << 20
# A message is sent in the socket if its size is at most the buffer's divided by this number, so
# that several fit. A larger one goes to a memory file, which takes twice the time (measured with
# 240 kB: 0.15 ms instead of 0.08 ms).
MESSAGES_IN_BUFFER: Final = 8
# A message has parts: the pickle, then its arrays. Each part starts at a multiple of this, so that
# arrays can be used in place.
ALIGNED_BYTES: Final = 64
_DESCRIPTOR_BYTES: Final = array.array("i", [0]).itemsize
# A header begins with the monotonic time of sending, the uid of the message's request and the
# number of parts. The size of each part follows.
_HEAD: Final = struct.Struct("<dqQ")
_SIZE_BYTES: Final = 8


class LostMessage(Exception):
    """A message arrived, and there was no memory or descriptor to read it.

    uid  of the request that the message belongs to
    """

    def __init__(self, uid: Uid, reason: str) -> None:
        super().__init__(reason)
        self.uid = uid


class Channel:
    """One queue of messages. Processes inherit it from their parent.

    Any number of processes may send and receive, each with one thread per direction.

    inline_bytes  the largest message that is sent in the socket, without its header and padding
    """

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, REQUESTED_BUFFER_BYTES)
        granted_bytes = self._sender.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.inline_bytes = granted_bytes // MESSAGES_IN_BUFFER
        self._buffer: bytearray | None = None

    @property
    def receiving_fd(self) -> int:
        """The file descriptor that is readable when there is a message."""
        return self._receiver.fileno()

    @property
    def sending_fd(self) -> int:
        """The file descriptor that is writable when there is room."""
        return self._sender.fileno()

    def close(self) -> None:
        """Close this process's two ends."""
        self._receiver.close()
        self._sender.close()

    def send(self, message: object, uid: Uid = 0) -> None:
        """Send a message, any object that can be pickled; block while the queue is full.

        uid  of the request that the message belongs to

        Raises OSError where there is no memory or descriptor for it.
        """
        self._send(message, uid, 0)

    def try_send(self, message: object, uid: Uid = 0) -> bool:
        """Send a message without blocking. Return False, without sending, if the queue is full."""
        try:
            self._send(message, uid, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def receive(self) -> Any:
        """Return the next message; block until there is one."""
        return self._receive(0)

    def try_receive(self) -> Any:
        """Return the next message without blocking, or None if there is none."""
        try:
            return self._receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def oldest_sent_s(self) -> float | None:
        """Return the monotonic time at which the next message was sent, None if there is none.

        The message stays in the queue.
        """
        head = bytearray(_HEAD.size)
        try:
            self._receiver.recv_into(head, 0, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        sent_s, _, _ = _HEAD.unpack(head)
        return float(sent_s)

    def _send(self, message: object, uid: Uid, flags: int) -> None:
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
        sizes = [part.nbytes for part in parts]
        header = _header(uid, sizes)
        if sum(sizes) <= self.inline_bytes:
            self._sender.sendmsg([header, *_with_padding(parts)], (), flags)
            return
        file = _memory_file(parts)
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
            self._sender.sendmsg([header], [rights], flags)
        finally:
            os.close(file)

    def _receive(self, flags: int) -> Any:
        # All messages are received into the same buffer, because each page of a new one would cost
        # a page fault. The second half is for the header and the padding, which `inline_bytes` does
        # not count.
        if self._buffer is None:
            self._buffer = bytearray(2 * self.inline_bytes)
        # CLOEXEC: a process that is started in the meantime does not inherit the descriptor.
        length, ancillary, found, _ = self._receiver.recvmsg_into(
            [self._buffer], socket.CMSG_SPACE(_DESCRIPTOR_BYTES), flags | socket.MSG_CMSG_CLOEXEC
        )
        received = memoryview(self._buffer)[:length]
        _, uid, count = _HEAD.unpack_from(received)
        sizes = struct.unpack_from(f"<{count}Q", received, _HEAD.size)
        if found & socket.MSG_CTRUNC:
            raise LostMessage(uid, "no file descriptor is left for it")
        inline = received[_aligned(_HEAD.size + count * _SIZE_BYTES) :]
        try:
            return _message(inline, sizes, ancillary)
        except (OSError, MemoryError) as error:
            raise LostMessage(uid, str(error) or "no memory is left for it") from error


def _message(inline: memoryview, sizes: Sequence[int], ancillary: Sequence[Any]) -> Any:
    """Return the message that is `inline`, or in the file whose descriptor came with it."""
    if not ancillary:
        pickled, *parts = _split(inline, sizes)
        # The arrays are copied, because the next message overwrites the buffer.
        copies = [bytes(part) for part in parts]
        return pickle.loads(pickled, buffers=copies)  # noqa: S301 - sent by this server
    (file,) = array.array("i", ancillary[0][2])
    try:
        # MAP_POPULATE maps all pages at once: a page fault for each page would cost more time
        # than the mapping saves by not copying.
        mapped = mmap.mmap(file, 0, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ)
    finally:
        os.close(file)
    pickled, *parts = _split(memoryview(mapped), sizes)
    return pickle.loads(pickled, buffers=parts)  # noqa: S301 - sent by this server


def _header(uid: Uid, sizes: Sequence[int]) -> bytes:
    """Return a message's header: the time, the uid, the number of parts, their sizes; padded."""
    count = len(sizes)
    header = struct.pack(f"<dq{1 + count}Q", time.monotonic(), uid, count, *sizes)
    return header.ljust(_aligned(len(header)), b"\0")


def _with_padding(parts: Sequence[memoryview]) -> list[memoryview | bytes]:
    """Return the parts, each followed by zeros up to the start of the next."""
    padded: list[memoryview | bytes] = []
    for part in parts:
        padded.append(part)
        padded.append(bytes(_aligned(part.nbytes) - part.nbytes))
    return padded


def _memory_file(parts: Sequence[memoryview]) -> int:
    """Write the parts, each aligned, to a new file in memory. Return its descriptor."""
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
    # pwrite(2) writes at most 2 GiB, and may write fewer bytes than it is given.
    while part:
        written = os.pwrite(file, part, offset)
        part = part[written:]
        offset += written


def _split(content: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    """Return the parts of a message: the pickle, then its arrays."""
    # `starts` has one item more than `sizes`: the end of the last part.
    starts = accumulate((_aligned(size) for size in sizes), initial=0)
    return [content[start : start + size] for start, size in zip(starts, sizes, strict=False)]


def _aligned(size: int) -> int:
    """Return the size, in bytes, rounded up to a multiple of ALIGNED_BYTES."""
    return -(-size // ALIGNED_BYTES) * ALIGNED_BYTES
