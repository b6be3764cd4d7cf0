"""``/v1/models``: the backends that make clips, and the moderation model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from generator.errors import GeneratorError
from generator.registry import available
from guarded_gen.access.keys import Scope
from guarded_gen.api import schemas
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.moderations import MODEL
from guarded_gen.api.problems import not_found
from guarded_gen.api.schemas import MODEL_PAGE, answers

router = APIRouter(prefix="/v1/models", tags=["models"])
_SINCE = 1_795_219_200
"""2026-11-21: the day of the first version; a backend has no other date."""


@router.get("", responses=answers(MODEL_PAGE))
async def list_models(request: Request) -> Response:
    """Every backend, with what it can do and whether it is a trained model."""
    api = api_of(request)
    await api.enter(request, Scope.GENERATE)
    models = await api.quick.run(described, api)
    return JSONResponse({"object": "list", "data": models, "has_more": False})


@router.get("/{model}", responses=answers(schemas.MODEL))
async def retrieve_model(request: Request, model: str) -> Response:
    """One of them."""
    api = api_of(request)
    await api.enter(request, Scope.GENERATE)
    for described_ in await api.quick.run(described, api):
        if described_["id"] == model:
            return JSONResponse(described_)
    raise not_found("model", model)


def described(api: Api) -> list[dict[str, Any]]:
    models = [
        {
            "id": MODEL,
            "object": "model",
            "created": _SINCE,
            "owned_by": "guarded-gen",
            "policy": api.services.policy.id,
        }
    ]
    presets = [name for name in api.settings.backends if ":" in name]
    for name in (*available(), *presets):
        try:
            able = api.services.generator(name).capabilities()
        except GeneratorError as error:
            models.append(
                {
                    "id": name,
                    "object": "model",
                    "created": _SINCE,
                    "owned_by": "guarded-gen",
                    "available": False,
                    "reason": error.code,
                }
            )
            continue
        models.append(
            {
                "id": name,
                "object": "model",
                "created": _SINCE,
                "owned_by": "guarded-gen",
                "title": able.title,
                "version": able.version,
                "neural": able.neural,
                "modes": sorted(mode.value for mode in able.modes),
                "max_side": able.max_side,
                "max_seconds": able.max_seconds,
                "size_multiple": able.size_multiple,
                "weights": able.weights,
                "default": name == api.settings.backend,
            }
        )
    return models
