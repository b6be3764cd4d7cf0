"""The dialect of OpenRouter's video API: numbers in JSON, pictures as data URLs."""

from __future__ import annotations

import base64
import math
import mimetypes
from typing import Any

from generator.errors import UnsupportedSpec
from generator.spec import GenerationSpec, Mode


def request(spec: GenerationSpec, model: str) -> dict[str, Any]:
    """The body of the POST, as arguments of httpx. Lengths are whole seconds, rounded up."""
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
        reference = spec.references[0]
        kind = mimetypes.guess_type(reference.name)[0] or "image/png"
        data = base64.b64encode(reference.read_bytes()).decode("ascii")
        picture = {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
        fields["frame_images"] = [{**picture, "frame_type": "first_frame"}]
    return {"json": fields}


def content(job: str) -> str:
    """Where the finished video lies, below the base URL."""
    return f"/videos/{job}/content?index=0"
