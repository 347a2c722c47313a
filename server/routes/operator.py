"""The operator's pages: health, readiness, loaded models, metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

import orjson
from fastapi import Request
from starlette.responses import PlainTextResponse, Response

from analysis.deployment import Deployment, role_of_head, with_heads
from errors import WrongEncoder
from heads.cache import InstalledVersion
from heads.one_lead.model import shipped_description
from model_store.labels import Label
from server.authorization.middleware import identity_of
from server.live_metrics import exposition
from server.media_types import JSON, PROMETHEUS
from server.pages.viewer import viewer
from server.routes.accept import WILDCARDS, by_preference
from server.routes.health_status import status_of, workers_report
from server.version import VERSION
from server.workers.progress import stalled_stages
from server.workers.service import Service, service_of

RETRY_NOT_READY_S: Final = 5
HTML_PAGES: Final = ("text/html", "application/xhtml+xml")
HEALTHY: Final = ("ok", "degraded")


async def health(request: Request) -> Response:
    service = service_of(request)
    # In a thread, as the report reads files in /proc and in the folder of heads.
    if "operator" in identity_of(request).scopes:
        report = await asyncio.to_thread(health_report, service)
    else:
        status, _ = await asyncio.to_thread(status_of, service)
        report = {"status": status}
    return _json(report, 200 if report["status"] in HEALTHY else 503)


async def _livez(request: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _readyz(request: Request) -> Response:
    service = service_of(request)
    if service.is_draining:
        return PlainTextResponse("draining\n", 503)
    if not service.state.is_ready():
        return PlainTextResponse("not ready\n", 503, {"Retry-After": str(RETRY_NOT_READY_S)})
    if stalled_stages(service.state):
        return PlainTextResponse("no progress\n", 503, {"Retry-After": str(RETRY_NOT_READY_S)})
    return PlainTextResponse("ready\n")


async def models(request: Request) -> Response:
    report = await asyncio.to_thread(_models_report, service_of(request))
    return _json(report, 200)


async def _prometheus(request: Request) -> Response:
    # In a thread, as it reads /proc.
    body = await asyncio.to_thread(exposition, service_of(request))
    return Response(body, media_type=PROMETHEUS)


async def root(request: Request) -> Response:
    """Answer the viewer to people, and JSON to programs, which prefer it or say nothing."""
    for media_type in by_preference(request.headers.get("accept", "")):
        if media_type in HTML_PAGES:
            return await viewer(request)
        if media_type in (JSON, *WILDCARDS):
            break
    return _json({"message": "ECG-FM inference server. Research use only.", "docs": "/docs"}, 200)


# Path -> handler of GET and HEAD.
OPERATOR_ROUTES: Final[dict[str, Callable[[Request], Awaitable[Response]]]] = {
    "/health": health,
    "/livez": _livez,
    "/readyz": _readyz,
    "/models": models,
    "/metrics": _prometheus,
    "/": root,
}


def health_report(service: Service) -> dict[str, Any]:
    state = service.state
    settings = service.settings
    status, reasons = status_of(service)
    return {
        "status": status,
        "reasons": reasons,
        "version": VERSION,
        "uptime_s": round(time.monotonic() - state.started_s, 1),
        "model": _model_report(service),
        "workers": workers_report(state),
        "in_flight": state.in_flight_count(),
        "limit": settings.max_in_flight,
        "limits": settings.limits(),
    }


def _model_report(service: Service) -> dict[str, Any]:
    deployment = service.deployment
    return {
        "requested": deployment.requested,
        "chosen": deployment.chosen,
        "reason": deployment.reason,
        "encoders": _encoder_reports(service),
        "heads": _champion_report(service),
    }


def _encoder_reports(service: Service) -> list[dict[str, Any]]:
    """Return a row for each encoder on each device."""
    state = service.state
    live_rows = state.live_rows("model")
    unknown = {"dtype": None, "compiled": None, "path": None}
    reports = []
    for row, device in zip(state.rows["model"], state.devices, strict=True):
        worker_report = state.encoder_report(row)
        for encoder in service.deployment.encoders.values():
            report = {
                "role": encoder.role,
                "name": encoder.name,
                "revision": encoder.revision,
                "sha256": encoder.sha256,
                "device": device,
                "ready": row in live_rows,
            }
            reports.append(report | (worker_report.get(encoder.role) or unknown))
    return reports


def _champion_report(service: Service) -> list[dict[str, Any]]:
    """Return for each champion head whether it answers on this server, and why not."""
    heads = service.head_cache.current()
    unusable = with_heads(service.deployment, heads).unusable_heads
    versions = {champion.name: champion.version for champion in heads.champions}
    return [
        {
            "name": name,
            "version": versions.get(name),
            "ready": name not in unusable,
            "reason": unusable.get(name),
        }
        for name in sorted(versions.keys() | heads.faults.keys())
    ]


def _head_report(service: Service) -> list[dict[str, Any]]:
    """Return a row for each version of a head that an alias names."""
    installed = service.head_cache.current().installed
    return [_head_row(version, service.deployment) for version in installed]


def _head_row(version: InstalledVersion, deployment: Deployment) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": version.name,
        "version": version.version,
        "alias": version.alias,
    }
    head = version.head
    if head is None:
        return row | {
            "encoder": None,
            "loaded": False,
            "reason": version.fault,
            "kind": None,
            "labels": [],
            "card": None,
        }
    reason = None
    try:
        role_of_head(head.encoder, deployment)
    except WrongEncoder as error:
        reason = error.detail
    labels = [
        {"name": label.name, "threshold": label.threshold, "description": label.description}
        for label in head.labels
    ]
    return row | {
        "encoder": asdict(head.encoder),
        "loaded": reason is None,
        "reason": reason,
        "kind": head.kind,
        "labels": labels,
        "card": head.card,
    }


def _models_report(service: Service) -> dict[str, Any]:
    loaded = bool(service.state.live_rows("model"))
    bundles = [
        {
            "name": encoder.name,
            "role": encoder.role,
            "revision": encoder.revision,
            "sha256": encoder.sha256,
            "loaded": loaded,
            "labels": [_label_row(label) for label in encoder.labels],
            "licence": encoder.licence,
            "card": None if encoder.card is None else card_page(encoder.card),
        }
        for encoder in service.deployment.encoders.values()
    ]
    return {"models": bundles, "heads": _head_report(service), "few_leads": _few_leads_row()}


def _few_leads_row() -> dict[str, Any]:
    """Return the model that labels recordings of few leads; every server has it."""
    described = shipped_description()
    return {
        "name": described.name,
        "sha256": described.sha256,
        "labels": [asdict(label) for label in described.labels],
        "licence": described.licence,
        "card": card_page(described.card),
    }


def _label_row(label: Label) -> dict[str, Any]:
    return {
        "name": label.name,
        "joining": label.joining,
        "threshold": label.threshold,
        "pos_weight": label.pos_weight,
        "description": label.description,
    }


def card_page(card: str) -> str:
    """Return the path of the page that shows a card, which a bundle names by its file in docs/."""
    return f"/{card.removesuffix('.md')}"


def _json(value: object, status: int) -> Response:
    return Response(orjson.dumps(value), status, media_type=JSON)
