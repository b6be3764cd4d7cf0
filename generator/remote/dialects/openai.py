"""The dialect of the OpenAI Videos API, which SGLang and others serve too."""

from __future__ import annotations

from typing import Any

from generator.spec import GenerationSpec, Mode


def request(spec: GenerationSpec, model: str) -> dict[str, Any]:
    """The body of the POST, as arguments of httpx: multipart with a picture, else JSON."""
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


def content(job: str) -> str:
    """Where the finished video lies, below the base URL."""
    return f"/videos/{job}/content"
