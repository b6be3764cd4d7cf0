"""The OpenAPI document: what clients may rely on, and what client generators read.

Names of operations are those of the functions behind them and do not change. Rules for changes
stand in ``docs/contract.md``, and a test compares the document with the last one that was kept.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from guarded_gen.api.examples import EXAMPLES
from guarded_gen.api.schemas import NAMED, WEBHOOK_EVENT
from guarded_gen.jobs.webhooks import EVENT_TYPES, signed_headers

Document = dict[str, Any]
PUBLIC = ("/healthz", "/readyz", "/metrics", "/log/", "/v1/links/")
"""Paths that need no key."""
TAGS = {
    "videos": "Ask for clips, follow them, download them.",
    "images": "Pictures through the same gates.",
    "moderations": "Judge texts and pictures without generating anything.",
    "provenance": "Where does a file come from?",
    "models": "Backends and what they can do.",
    "characters": "Likenesses of people who agreed.",
    "consents": "Consents of people.",
    "files": "Uploads.",
    "batches": "Many videos from one file.",
    "webhooks": "Being told instead of polling.",
    "governance": "Policies, appeals, reviews and the record.",
    "keys": "Keys of a tenant.",
    "soft bindings": "The Soft Binding Resolution API of C2PA.",
    "log": "The transparency log, for auditors and witnesses.",
    "health": "For load balancers and monitoring.",
}
_METHODS = ("get", "post", "put", "patch", "delete")
_WEBHOOK_HEADERS = {
    "webhook-id": "The same for each attempt: take an event once.",
    "webhook-timestamp": "Seconds since 1970; refuse what is older than five minutes.",
    "webhook-signature": "Standard Webhooks 1: `v1,` and HMAC-SHA-256 over id, time and body.",
}
assert set(_WEBHOOK_HEADERS) <= set(signed_headers([], "evt_0", b"{}", 0))


def operation_id(route: APIRoute) -> str:
    """The name of an operation: that of its function."""
    return route.name


def document(app: FastAPI) -> Document:
    """The contract of this application."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        separate_input_output_schemas=False,
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(NAMED)
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`gg_…`), or a token of the configured identity provider.",
        }
    }
    made["security"] = [{"key": []}]
    made["paths"] = {path: made["paths"][path] for path in sorted(made["paths"])}
    for path, methods in made["paths"].items():
        for method in _METHODS:
            if method in methods:
                _complete(path, methods[method])
    made["webhooks"] = {name: {"post": _webhook(name)} for name in EVENT_TYPES}
    return made


def _complete(path: str, operation: Document) -> None:
    operation["responses"].pop("422", None)  # the framework's; nothing here answers so
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if len(content) > 1 and content.get("application/json") in ({}, {"schema": {}}):
            del content["application/json"]  # the framework's guess beside what is really sent
    if path.startswith(PUBLIC):
        operation["security"] = []
    example = EXAMPLES.get(operation["operationId"])
    if example is not None:
        [content] = operation["requestBody"]["content"].values()
        content["examples"] = {"example": {"value": example}}


def _webhook(event_type: str) -> Document:
    kind = event_type.partition(".")[0]
    return {
        "operationId": "on_" + event_type.replace(".", "_"),
        "tags": ["webhooks"],
        "summary": f"{event_type}: sent to the endpoints that ask for it",
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _WEBHOOK_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": WEBHOOK_EVENT,
                    "examples": {
                        "example": {
                            "value": {
                                "id": "evt_0f1e2d",
                                "object": "event",
                                "type": event_type,
                                "created_at": 1_796_000_000,
                                "data": {"id": f"{kind}_0f1e2d"},
                            }
                        }
                    },
                }
            },
        },
        "responses": {
            "2XX": {"description": "Taken. Anything else is tried again, 410 never."},
        },
    }
