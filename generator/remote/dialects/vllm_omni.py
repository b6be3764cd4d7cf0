"""The dialect of vLLM-Omni: the OpenAI Videos API as a form, with frames and rate.

After its "Videos API" page and its protocol (``entrypoints/openai/protocol/videos.py``), as they
stood in November 2026: ``seconds`` are whole, so frames and rate are sent instead; ``size`` is
``WIDTHxHEIGHT``; errors carry ``code`` and ``message``; the answer to DELETE is JSON.
"""

from __future__ import annotations

from typing import Any

from generator.remote.dialects.base import Videos
from generator.spec import GenerationSpec, Mode


class VllmOmni(Videos):
    """Always multipart, as the server reads it."""

    def body(self, spec: GenerationSpec, model: str) -> dict[str, Any]:
        rate = max(1, round(spec.fps))
        fields = {
            "prompt": spec.prompt,
            "size": f"{spec.width}x{spec.height}",
            "fps": str(rate),
            "num_frames": str(max(1, round(spec.seconds * rate))),
            "seed": str(spec.seed),
        }
        for name, value in (
            ("model", model or None),
            ("negative_prompt", spec.negative_prompt or None),
            ("num_inference_steps", spec.steps),
            ("guidance_scale", spec.guidance),
        ):
            if value is not None:
                fields[name] = str(value)
        files: dict[str, tuple[str | None, str | bytes]] = {
            name: (None, value) for name, value in fields.items()
        }
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            reference = spec.references[0]
            files["input_reference"] = (reference.name, reference.read_bytes())
        return {"files": files}
