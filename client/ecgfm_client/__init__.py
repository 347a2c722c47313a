"""Client of the ECG-FM server.

from ecgfm_client import EcgClient

with EcgClient("http://127.0.0.1:8000") as client:
    analysis = client.analyze("recording.dcm")
    print(analysis.rhythm, analysis.measurements.qrs_ms)
"""

from ecgfm_client.client import AsyncEcgClient, EcgClient
from ecgfm_client.errors import EcgClientError, NoAnswer, Refused, UnusableInput
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
    "UnusableInput",
]
