"""The answers of /health, /models, /examples and / as pydantic models for /openapi.json.

`server/routes/operator.py` and `server/routes/examples.py` build the answers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from server.routes.health_status import Status


class Workers(BaseModel):
    expected: int
    alive: int
    restarts: int


class HealthEncoder(BaseModel):
    role: str
    name: str
    revision: str | None
    sha256: str
    dtype: str | None = Field(
        description="Null, like `compiled` and `path`, until a model worker has loaded the encoder."
    )
    device: str
    ready: bool
    compiled: bool | None = Field(description="Whether torch.compile made its kernels.")
    path: str | None = Field(
        description="How it runs on the device; the reason if a faster way is not used."
    )


class HealthHead(BaseModel):
    name: str
    version: int | None
    ready: bool
    reason: str | None = Field(
        description="Why it gives no result: another encoder is loaded, or its folder is damaged."
    )


class HealthModel(BaseModel):
    requested: str
    chosen: str
    reason: str
    encoders: list[HealthEncoder]
    heads: list[HealthHead]


class Health(BaseModel):
    """The status of every part."""

    status: Status
    reasons: list[str] = Field(
        description="What keeps the status from `ok`, and why: a sentence for each process that is "
        "missing, each stage without progress and each queue that is too old. Empty for `ok`."
    )
    version: str
    uptime_s: float
    model: HealthModel
    workers: dict[Literal["api", "signal", "model"], Workers]
    in_flight: int
    limit: int = Field(description="Requests in flight at once; more are refused with 429.")
    limits: dict[str, float]


class ShortHealth(BaseModel):
    """The status, for those without the scope `operator`."""

    status: Status


class LoadedLabel(BaseModel):
    name: str
    joining: Literal["mean", "max"] = Field(
        description="How the segments' probabilities are joined to the record's."
    )
    threshold: float = Field(ge=0, le=1)
    pos_weight: float | None = Field(
        description="Weight of the positives in training: w of the default threshold."
    )
    description: str


class LoadedModel(BaseModel):
    name: str
    role: str
    revision: str | None
    sha256: str
    loaded: bool
    labels: list[LoadedLabel]
    licence: str
    card: str | None


class HeadEncoder(BaseModel):
    name: str
    revision: str | None
    sha256: str


class HeadLabel(BaseModel):
    name: str
    threshold: float = Field(ge=0, le=1, description="On the calibrated probability.")
    description: str


class LoadedHead(BaseModel):
    """An installed head: the champion of its name gives results, a candidate may be promoted."""

    name: str
    version: int
    alias: Literal["champion", "candidate"]
    encoder: HeadEncoder | None = Field(
        description="The encoder whose embeddings it was trained on; it reads no others."
    )
    loaded: bool = Field(description="Whether that encoder is loaded here.")
    reason: str | None = Field(description="The reason if it is not loaded.")
    kind: Literal["linear", "mlp"] | None
    labels: list[HeadLabel]
    card: str | None


class FewLeadsModel(BaseModel):
    """The model that labels recordings of fewer than six leads."""

    name: str
    sha256: str
    labels: list[HeadLabel]
    licence: str
    card: str


class Models(BaseModel):
    """The loaded bundles, the installed heads, and the model for few leads."""

    models: list[LoadedModel]
    heads: list[LoadedHead]
    few_leads: FewLeadsModel


class Root(BaseModel):
    message: str
    docs: str


class Example(BaseModel):
    name: str = Field(description="`/examples/NAME` answers the recording.")
    title: str
    description: str
    synthetic: Literal[True]
    fs: int = Field(description="Samples per second.")
    seconds: int


class Examples(BaseModel):
    """Synthetic recordings to try the server with."""

    examples: list[Example]
