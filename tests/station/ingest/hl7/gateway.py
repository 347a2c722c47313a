"""Messages of a synthetic bedside gateway, and its connection by MLLP."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import UTC, datetime

LIMIT_S = 60
DEVICE = "080019FFFE0B4020"


def time_text(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y%m%d%H%M%S.%f")[:-3] + "+0000"


def header(key: str = "", kind: str = "ORU^R01^ORU_R01", processing: str = "P") -> str:
    return f"MSH|^~\\&|GW|ICU|ST|LAB|20260102030405+0000|{key}|{kind}|17|{processing}|2.6"


def waveform(
    number: int,
    code: str,
    samples: Sequence[object],
    *,
    time: str = "",
    unit: str = "266418^MDC_DIM_MILLI_VOLT^MDC",
    rate: str = "250",
    resolution: str = "",
) -> list[str]:
    """Return a waveform with its attributes. `resolution` is in mV."""
    values = "^".join(map(str, samples))
    lines = [
        f"OBX|{number}|NA|{code}|1.1.1.{number}|{values}|{unit}|||||F|||{time}",
        f"OBX|{number}1|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.{number}.1|{rate}|264608^MDC_DIM_PER_SEC",
    ]
    if resolution:
        name = "2327^MDC_ATTR_NU_MSMT_RES^MDC"
        lines.append(
            f"OBX|{number}2|NM|{name}|1.1.1.{number}.2|{resolution}|266418^MDC_DIM_MILLI_VOLT^MDC"
        )
    return lines


def message(*waveforms: list[str], begin: str = "", patient: str = "p-1", start: str = "") -> bytes:
    lines = [
        begin or header(),
        f"PID|||{patient}^^^Hospital^PI||Doe^John",
        f"OBR|1||1^GW|69121^MDC_OBS_WAVE_CTS^MDC|||{start}|",
        f"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||{DEVICE}^M^EUI-64",
        *(line for waveform in waveforms for line in waveform),
        "OBX|9|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.2.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F",
    ]
    return ("\r".join(lines) + "\r").encode()


class Gateway:
    """A connection on which messages are sent one by one."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self._received = b""

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def acknowledgement(self) -> list[list[str]] | None:
        """Return the fields of the segments of the next ACK; None at the connection's end."""
        while b"\x1c\r" not in self._received:
            try:
                piece = self._socket.recv(65536)
            except ConnectionResetError:  # the station has left bytes unread
                return None
            if not piece:
                return None
            self._received += piece
        content, _, self._received = self._received.partition(b"\x1c\r")
        assert content[:1] == b"\x0b"
        return [line.split("|") for line in content[1:].decode("ascii").split("\r") if line]

    def answer(self, content: bytes) -> list[list[str]]:
        self.send(b"\x0b" + content + b"\x1c\r")
        found = self.acknowledgement()
        assert found is not None
        return found
