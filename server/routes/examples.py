"""Synthetic recordings to try the server with: a list, and each in the form that /analyze takes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final

import numpy as np
import orjson
from fastapi import Request
from numpy.typing import NDArray
from starlette.responses import Response

from errors import NotFound
from server.media_types import JSON, NPY
from server.routes.accept import WILDCARDS, by_preference
from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES, Case

SECONDS: Final = 10
_BY_NAME: Final = {case.name: case for case in EXAMPLES}


async def examples(request: Request) -> Response:
    return Response(_list_bytes(), media_type=JSON)


async def example(request: Request) -> Response:
    """Answer one record: JSON, or the bare array of its samples. Raises NotFound."""
    name = request.path_params["name"]
    if name not in _BY_NAME:
        raise NotFound(f"no example of this name; there are {', '.join(_BY_NAME)} (/examples)")
    media_type = _accepted(request.headers.get("accept", ""))
    body = _npy_bytes if media_type == NPY else _json_bytes
    # In a thread, as the first call generates the signal.
    content = await asyncio.to_thread(body, name)
    return Response(content, media_type=media_type, headers={"Vary": "Accept"})


EXAMPLE_ROUTES: Final[dict[str, Callable[[Request], Awaitable[Response]]]] = {
    "/examples": examples,
    "/examples/{name}": example,
}


def _record(case: Case) -> dict[str, Any]:
    """Return a record as /analyze takes it; its signal is an array (12, samples) of mV."""
    return {
        "signal": _signal(case.name),
        "fs": case.fs,
        "lead_names": list(LEADS),
        "units": "mV",
        "patient": {"age": case.patient.age_years, "sex": case.patient.sex},
        "id": f"synthetic-{case.name}",
    }


@cache
def _signal(name: str) -> NDArray[np.float32]:
    return _BY_NAME[name].signal(SECONDS)


@cache
def _list_bytes() -> bytes:
    listed = [
        {
            "name": case.name,
            "title": case.title,
            "description": case.description,
            "synthetic": True,
            "fs": case.fs,
            "seconds": SECONDS,
        }
        for case in EXAMPLES
    ]
    return orjson.dumps({"examples": listed})


@cache
def _json_bytes(name: str) -> bytes:
    return orjson.dumps(_record(_BY_NAME[name]), option=orjson.OPT_SERIALIZE_NUMPY)


@cache
def _npy_bytes(name: str) -> bytes:
    content = io.BytesIO()
    np.save(content, _signal(name), allow_pickle=False)
    return content.getvalue()


def _accepted(accept: str) -> str:
    """Return the media type that the client prefers; JSON where it prefers neither."""
    for media_type in by_preference(accept):
        if media_type == NPY:
            return NPY
        if media_type in (JSON, *WILDCARDS):
            break
    return JSON
