"""The operator's answers: is it up, how loaded is it, what is loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from analysis.deployment import Deployment, role_of_head, with_heads
from errors import WrongEncoder
from heads.cache import InstalledVersion
from server import metrics
from server.ipc.shared_state import is_alive
from server.media_types import JSON, PROMETHEUS
from server.stages.response import VERSION
from server.workers.service import Service


def operator_routes(service_of: Callable[[], Service]) -> dict[str, Callable[[Request], Any]]:
    """path -> handler of GET."""

    async def health(request: Request) -> Response:
        report = await asyncio.to_thread(health_report, service_of())
        return _json(report, 200 if report["status"] in ("ok", "degraded") else 503)

    async def livez(request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(request: Request) -> Response:
        service = service_of()
        if service.draining:
            return PlainTextResponse("draining\n", 503)
        return (
            PlainTextResponse("ready\n")
            if service.state.is_ready()
            else PlainTextResponse("not ready\n", 503, {"Retry-After": "5"})
        )

    async def models(request: Request) -> Response:
        return _json(await asyncio.to_thread(models_report, service_of()), 200)

    async def prometheus(request: Request) -> Response:
        service = service_of()
        depths: dict[str, int] = {
            stage: service.state.waiting(stage) for stage in service.state.rows
        }
        gauges = metrics.LiveGauges(
            depths,
            service.state.in_flight(),
            {stage: service.state.restarts(stage) for stage in service.state.rows},
        )
        return Response(await asyncio.to_thread(metrics.exposition, gauges), media_type=PROMETHEUS)

    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/docs")
        return _json(
            {"message": "ECG-FM inference server. Research use only.", "docs": "/docs"}, 200
        )

    return {
        "/health": health,
        "/livez": livez,
        "/readyz": readyz,
        "/models": models,
        "/metrics": prometheus,
        "/": root,
    }


def health_report(service: Service) -> dict[str, Any]:
    state, settings = service.state, service.settings
    workers: dict[str, dict[str, int]] = {
        "api": {
            "expected": len(state.api_pid),
            "alive": sum(is_alive(pid) for pid in state.api_pid),
            "restarts": 0,
        },
        **{
            stage: {
                "expected": len(rows),
                "alive": len(state.living(stage)),
                "restarts": state.restarts(stage),
            }
            for stage, rows in state.rows.items()
        },
    }
    return {
        "status": _status(service, workers),
        "version": VERSION,
        "uptime_s": round(time.monotonic() - state.started_s, 1),
        "model": _model_report(service),
        "workers": workers,
        "in_flight": state.in_flight(),
        "limit": settings.max_in_flight,
        "limits": settings.limits(),
    }


def _status(service: Service, workers: dict[str, dict[str, int]]) -> str:
    if service.draining:
        return "draining"
    if not service.state.was_ready():
        return "starting"
    return (
        "ok"
        if all(stage["alive"] >= stage["expected"] for stage in workers.values())
        else "degraded"
    )


def _model_report(service: Service) -> dict[str, Any]:
    deployment, state = service.deployment, service.state
    encoders = [
        {
            "role": encoder.role,
            "name": encoder.name,
            "revision": encoder.revision,
            "sha256": encoder.sha256,
            "device": device,
            "ready": row in state.living("model"),
            **(
                state.reported(row).get(encoder.role)
                or {"dtype": None, "compiled": None, "path": None}
            ),
        }
        for row, device in zip(state.rows["model"], state.devices, strict=True)
        for encoder in deployment.encoders.values()
    ]
    return {
        "requested": deployment.requested,
        "chosen": deployment.chosen,
        "reason": deployment.reason,
        "encoders": encoders,
        "heads": health_heads(service),
    }


def health_heads(service: Service) -> list[dict[str, Any]]:
    """The champions: whether each answers here, and where not, why."""
    heads = service.head_cache.current()
    deployment = with_heads(service.deployment, heads)
    versions = {one.name: one.version for one in heads.champions}
    return [
        {
            "name": name,
            "version": versions.get(name),
            "ready": name not in deployment.unusable_heads,
            "reason": deployment.unusable_heads.get(name),
        }
        for name in sorted(versions.keys() | heads.faults.keys())
    ]


def model_heads(service: Service) -> list[dict[str, Any]]:
    """Every version that an alias names."""
    return [_head_row(one, service.deployment) for one in service.head_cache.current().installed]


def _head_row(one: InstalledVersion, deployment: Deployment) -> dict[str, Any]:
    row: dict[str, Any] = {"name": one.name, "version": one.version, "alias": one.alias}
    if one.head is None:
        return {
            **row,
            "encoder": None,
            "loaded": False,
            "reason": one.fault,
            "kind": None,
            "labels": [],
            "card": None,
        }
    try:
        role_of_head(one.head.encoder, deployment)
        reason = None
    except WrongEncoder as error:
        reason = error.detail
    return {
        **row,
        "encoder": asdict(one.head.encoder),
        "loaded": reason is None,
        "reason": reason,
        "kind": one.head.kind,
        "labels": [
            {"name": label.name, "threshold": label.threshold, "description": label.description}
            for label in one.head.labels
        ],
        "card": one.head.card,
    }


def models_report(service: Service) -> dict[str, Any]:
    return {
        "models": [
            {
                "name": encoder.name,
                "role": encoder.role,
                "revision": encoder.revision,
                "sha256": encoder.sha256,
                "loaded": bool(service.state.living("model")),
                "labels": [
                    {
                        "name": label.name,
                        "joining": label.joining,
                        "threshold": label.threshold,
                        "pos_weight": label.pos_weight,
                        "description": label.description,
                    }
                    for label in encoder.labels
                ],
                "licence": encoder.licence,
                "card": None if encoder.card is None else card_page(encoder.card),
            }
            for encoder in service.deployment.encoders.values()
        ],
        "heads": model_heads(service),
    }


def card_page(card: str) -> str:
    """Where this server shows a card that its bundle names by its file in docs/."""
    return f"/{card.removesuffix('.md')}"


def _json(value: object, status: int) -> Response:
    return Response(orjson.dumps(value), status, media_type=JSON)
