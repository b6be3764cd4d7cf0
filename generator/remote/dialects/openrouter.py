"""The dialect of OpenRouter's video API: numbers in JSON, pictures as data URLs."""

from __future__ import annotations

import math
from typing import Any

from generator.errors import UnsupportedSpec
from generator.remote.dialects.base import Videos
from generator.remote.dialects.pictures import data_url
from generator.spec import GenerationSpec, Mode


class OpenRouter(Videos):
    """Lengths are whole seconds, rounded up."""

    def body(self, spec: GenerationSpec, model: str) -> dict[str, Any]:
        if not model:
            raise UnsupportedSpec("this server needs the name of a model", "set model")
        fields: dict[str, Any] = {
            "model": model,
            "prompt": spec.prompt,
            "duration": math.ceil(spec.seconds),
            "size": f"{spec.width}x{spec.height}",
            "seed": spec.seed,
        }
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            picture = {"type": "image_url", "image_url": {"url": data_url(spec.references[0])}}
            fields["frame_images"] = [{**picture, "frame_type": "first_frame"}]
        return {"json": fields}

    def content(self, job: str) -> str:
        return f"/videos/{job}/content?index=0"
