"""The dialect of the OpenAI Videos API, which SGLang and others serve too."""

from __future__ import annotations

from typing import Any

from generator.remote.dialects.base import Videos
from generator.spec import GenerationSpec, Mode


class OpenAI(Videos):
    """Multipart with a picture, else JSON."""

    def body(self, spec: GenerationSpec, model: str) -> dict[str, Any]:
        fields = {
            "prompt": spec.prompt,
            "seconds": f"{spec.seconds:g}",
            "size": f"{spec.width}x{spec.height}",
            "seed": str(spec.seed),
        }
        if model:
            fields["model"] = model
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            # As bytes, not as an open file: a retry must be able to send it again.
            reference = spec.references[0]
            return {
                "data": fields,
                "files": {"input_reference": (reference.name, reference.read_bytes())},
            }
        return {"json": fields}
