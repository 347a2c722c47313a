"""Client of the ECG-FM server.

from ecgfm_client import EcgClient

with EcgClient("http://127.0.0.1:8000") as client:
    analysis = client.analyze("recording.dcm")
    print(analysis.rhythm, analysis.measurements.qrs_ms)

and of its station: `StationDevice` sends the records of a device.
"""

from ecgfm_client.client import AsyncEcgClient, EcgClient
from ecgfm_client.device.device import DeviceStatus, StationDevice
from ecgfm_client.device.frames import Beat, Stretch
from ecgfm_client.errors import (
    BadBuffer,
    BufferFull,
    EcgClientError,
    NoAnswer,
    Refused,
    UnusableInput,
)
from ecgfm_client.results import (
    Analysis,
    Encoder,
    Features,
    Finding,
    Health,
    Label,
    Measurements,
    Quality,
)

__all__ = [
    "Analysis",
    "AsyncEcgClient",
    "BadBuffer",
    "Beat",
    "BufferFull",
    "DeviceStatus",
    "EcgClient",
    "EcgClientError",
    "Encoder",
    "Features",
    "Finding",
    "Health",
    "Label",
    "Measurements",
    "NoAnswer",
    "Quality",
    "Refused",
    "StationDevice",
    "Stretch",
    "UnusableInput",
]
