"""An error as pydantic models for /openapi.json; `errors.EcgError.problem` builds the real ones."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Fault(BaseModel):
    loc: list[str | int] = Field(description="The path into the body.")
    msg: str


class Problem(BaseModel):
    """An error (RFC 9457). `detail` names the field, the value found and what is allowed."""

    type: str = Field(description="The section of /docs/errors that explains the code.")
    title: str
    status: int
    code: str
    detail: str
    errors: list[Fault] | None = None
    request_id: str | None = None


class FailedRecord(BaseModel):
    """Takes the place of a result if one recording of many cannot be answered."""

    error: Problem
