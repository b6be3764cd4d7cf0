"""The dialect of NVIDIA Dynamo: one POST that answers when the video is made.

After its "Text-to-Video" page and ``dynamo-llm``'s request type, as they stood in November 2026:
whole seconds, ``nvext`` for frames, rate, seed and the negative prompt, the video as base64 in
``data[0].b64_json``. It is asked for as base64, since its addresses may name files of the server's
own disk. There is no job to look at, so there is no progress, and a job that is cancelled is worked
on by the server to its end.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from generator.errors import UnsupportedSpec
from generator.remote.dialects.base import JobLook
from generator.remote.dialects.pictures import data_url
from generator.remote.http import Client
from generator.remote.settings import RemoteSettings
from generator.spec import GenerationSpec, Mode


class Dynamo:
    """Holds the video on disk from the answer until it is fetched."""

    alive = "/models"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="guarded-gen-")

    def send(self, client: Client, spec: GenerationSpec, settings: RemoteSettings) -> str:
        if not settings.model:
            raise UnsupportedSpec("this server needs the name of a model", "set model")
        rate = max(1, round(spec.fps))
        more: dict[str, Any] = {
            "fps": rate,
            "num_frames": max(1, round(spec.seconds * rate)),
            "seed": spec.seed,
        }
        for name, value in (
            ("negative_prompt", spec.negative_prompt or None),
            ("num_inference_steps", spec.steps),
            ("guidance_scale", spec.guidance),
        ):
            if value is not None:
                more[name] = value
        fields: dict[str, Any] = {
            "model": settings.model,
            "prompt": spec.prompt,
            "seconds": math.ceil(spec.seconds),
            "size": f"{spec.width}x{spec.height}",
            "response_format": "b64_json",
            "nvext": more,
        }
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            fields["input_reference"] = data_url(spec.references[0])
        client.save_base64("/videos", "b64_json", self._video, settings, json=fields)
        return "done"

    @property
    def _video(self) -> Path:
        return Path(self._folder.name) / "video"

    def look(self, client: Client, job: str) -> JobLook:
        return JobLook("completed", done=True, progress=100)

    def fetch(self, client: Client, job: str, to: Path, most: int) -> None:
        shutil.move(self._video, to)

    def drop(self, client: Client, job: str) -> None:
        self._folder.cleanup()
