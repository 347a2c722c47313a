"""A recording in a request, as pydantic models for /openapi.json.

Requests themselves are read by `formats/`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field

from formats.fields import MAX_AGE_YEARS, MAX_DATE_CHARS, MAX_ID_CHARS
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import LEADS
from signals.record import Sex

_T = TypeVar("_T")
_Filled = Annotated[_T, Field(min_length=1)]
Lead = list[float | None]


class Patient(BaseModel):
    """Used for reference ranges only, never for the model."""

    age: float | None = Field(None, ge=0, le=MAX_AGE_YEARS, description="Years.")
    sex: Sex | Literal["m", "f"] | None = None


class Record(BaseModel):
    """One recording: 1 to 12 standard leads. Unknown fields are ignored and named in `warnings`."""

    signal: _Filled[list[Lead]] | _Filled[Lead] | _Filled[dict[str, Lead]] = Field(
        description="Numbers, `null` for gaps. One of: leads x samples; samples x leads "
        "(distinguished by `lead_names`; leads first when square); one lead that `lead_names` "
        "names; an object that maps a lead's name to its samples."
    )
    fs: float = Field(ge=MIN_FS_HZ, le=MAX_FS_HZ, description="Samples per second.")
    lead_names: list[_Filled[str]] | None = Field(
        None,
        min_length=1,
        description="Any case and order; spellings such as `Lead II` and `MDC_ECG_LEAD_II` are "
        "understood. `-` leaves a row out; `ECG1=II` renames a key of `signal`. "
        f"Default: {', '.join(LEADS)}.",
    )
    units: Literal["mV", "uV", "V", "unknown"] | None = Field(
        None,
        description="Default `mV`. With `unknown`, every value that depends on volts is null; "
        "the encoder does not depend on them.",
    )
    gain: float | None = Field(
        None, gt=0, description="ADC units per mV, where samples are raw: mV = sample / gain."
    )
    recording_duration: float | None = Field(
        None,
        gt=0,
        description="Seconds, as a check: refused if it differs from samples / fs by over 1 %.",
    )
    patient: Patient | None = None
    recording_date: str | None = Field(None, max_length=MAX_DATE_CHARS)
    id: str | None = Field(
        None, max_length=MAX_ID_CHARS, description="Chosen by the client, returned unchanged."
    )
