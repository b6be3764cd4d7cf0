"""The ``remote`` backend: ask a ``/v1/videos`` server, poll, download, decode."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import httpx
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch.nn import functional as fn

from generator.base import TRAINED_ALGORITHMIC_MEDIA, Cancel, Capabilities, OnStep, Pixels, Step
from generator.checks import require
from generator.errors import BackendFailed, Cancelled
from generator.remote.dialects import openai, openrouter
from generator.remote.http import Client
from generator.spec import GenerationSpec, Mode
from media.decode import decode
from media.errors import MediaError
from media.limits import MediaLimits
from media.soundtrack import Soundtrack, head


class RemoteSettings(BaseModel):
    """Where the server is and how long we bear with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(description="the server, up to and with /v1")
    dialect: Literal["openai", "openrouter"] = Field(
        "openai", description="openai (SGLang too) or openrouter"
    )
    model: str = Field("", description="the model to ask for; empty: the server's own choice")
    api_key_env: str = Field(
        "GUARDED_GEN_REMOTE_KEY", description="environment variable that holds the key"
    )
    timeout: float = Field(30.0, gt=0, description="seconds for one call")
    poll_seconds: float = Field(1.0, gt=0, description="pause between two looks at a job")
    patience: float = Field(1800.0, gt=0, description="seconds until a job is given up")
    retries: int = Field(3, ge=0, le=10, description="tries after the first")
    max_bytes: int = Field(512 * 1024**2, gt=0, description="largest video taken")
    max_side: int = Field(2048, gt=0)
    max_seconds: float = Field(60.0, gt=0)
    size_multiple: int = Field(2, gt=0)


_WORKING = frozenset({"queued", "in_progress", "processing", "pending", "running"})


@dataclass(slots=True)
class RemoteGenerator:
    """Clips of another server. What comes back is decoded, brought to the asked size and rate,
    and judged by our gates like any other. Memory: one batch of frames; the video is on disk
    while it is read."""

    settings: RemoteSettings
    limits: MediaLimits = field(default_factory=MediaLimits)
    wait: Callable[[float], None] = time.sleep
    _MODES: ClassVar[frozenset[Mode]] = frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO})

    @property
    def _dialect(self) -> Any:
        return openrouter if self.settings.dialect == "openrouter" else openai

    def capabilities(self) -> Capabilities:
        host = httpx.URL(self.settings.base_url).host
        return Capabilities(
            name="remote",
            version=self.settings.model or "server's default",
            title=f"A model at {host}",
            neural=True,
            digital_source_type=TRAINED_ALGORITHMIC_MEDIA,
            modes=self._MODES,
            max_side=self.settings.max_side,
            max_seconds=self.settings.max_seconds,
            size_multiple=self.settings.size_multiple,
        )

    def check(self) -> None:
        """Whether the server answers at all; :class:`BackendFailed` when it does not in time."""
        Client(self.settings.base_url, "", self.settings.timeout, 0).reach()

    def recaption(self, prompt: str) -> dict[str, Any]:
        """The server is sent the prompt as it is; what it does with it is not known here."""
        return {"caption": prompt, "unexpressed": []}

    def generate(
        self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel
    ) -> Iterator[Pixels | Soundtrack]:
        """Steps are the server's per cent; there are no previews. Cancelling deletes the job.

        The sound that a player plays of the server's video comes first.
        """
        require(self.capabilities(), spec)
        return self._run(spec, on_step, cancel)

    def _run(
        self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel
    ) -> Iterator[Pixels | Soundtrack]:
        key = os.environ.get(self.settings.api_key_env, "")
        client = Client(
            self.settings.base_url, key, self.settings.timeout, self.settings.retries, self.wait
        )
        job = ""
        finished = False
        try:
            if cancel():
                raise Cancelled("cancelled before the job was sent")
            job = self._create(client, spec)
            self._follow(client, job, on_step, cancel)
            with tempfile.TemporaryDirectory(prefix="guarded-gen-") as folder:
                path = Path(folder) / "remote.mp4"
                client.download(self._dialect.content(job), path, self.settings.max_bytes)
                sound = self._sound(path, spec)
                if sound is not None:
                    yield sound
                yield from self._frames(path, spec)
            finished = True
        finally:
            if job and not finished:
                with suppress(BackendFailed):
                    client.json("DELETE", f"/videos/{job}")
            client.close()

    def _create(self, client: Client, spec: GenerationSpec) -> str:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body = self._dialect.request(spec, self.settings.model)
        answer = client.json("POST", "/videos", headers, **body)
        job = answer.get("id")
        if not isinstance(job, str) or not job.replace("-", "").replace("_", "").isalnum():
            raise BackendFailed("the server gave no usable id for the video")
        return job

    def _follow(self, client: Client, job: str, on_step: OnStep, cancel: Cancel) -> None:
        waited = 0.0
        shown = -1
        while True:
            if cancel():
                raise Cancelled("cancelled; the server was told to delete the job")
            answer = client.json("GET", f"/videos/{job}")
            status = answer.get("status")
            progress = answer.get("progress")
            done = int(progress) if isinstance(progress, int | float) else 0
            done = 100 if status == "completed" else min(99, max(0, done, shown))
            if done > shown:
                on_step(Step(done, 100, detail={"status": str(status)}))
                shown = done
            if status == "completed":
                return
            if status not in _WORKING:
                error = answer.get("error")
                words = error.get("message") if isinstance(error, dict) else error
                raise BackendFailed(
                    f"the server ended the job as {str(status)[:40]}: {str(words)[:200]}",
                    "look at the server's log",
                )
            if waited > self.settings.patience:
                raise BackendFailed(
                    f"the server is not done after {waited:.0f} s", "raise patience, or try again"
                )
            self.wait(self.settings.poll_seconds)
            waited += self.settings.poll_seconds

    def _sound(self, path: Path, spec: GenerationSpec) -> Soundtrack | None:
        if spec.mode is Mode.IMAGE:
            return None
        try:
            samples = head(path, spec.seconds, self.limits)
        except MediaError as error:
            raise BackendFailed(f"the server's video cannot be read: {error}") from error
        if samples is None:
            return None
        return Soundtrack(samples, {"from": "backend", "how": "made by the server with the frames"})

    def _frames(self, path: Path, spec: GenerationSpec) -> Iterator[Pixels]:
        """Exactly ``spec.frames`` frames of the asked size: each shows the newest frame of its
        time; the last one is held when the video is up to a tenth too short."""
        made = 0
        last: Pixels | None = None
        last_time = 0.0
        rate = float(spec.fps)
        try:
            for batch in decode(path, self.limits):
                chosen: list[int] = []
                for k, at in enumerate(batch.times):
                    while made + len(chosen) < spec.frames and (made + len(chosen)) / rate < (
                        at + 0.5 / rate
                    ):
                        chosen.append(k)
                if chosen:
                    pixels = _sized(batch.pixels[chosen], spec.width, spec.height)
                    last, last_time = pixels[-1:], float(batch.times[-1])
                    made += len(chosen)
                    yield pixels
        except MediaError as error:
            raise BackendFailed(f"the server's video cannot be read: {error}") from error
        if last is None or last_time < 0.9 * spec.seconds - 2 / rate:
            raise BackendFailed(
                f"the server's video lasts {last_time:.1f} s instead of {spec.seconds:g} s",
                "ask for a length that the model has",
            )
        while made < spec.frames:
            yield last
            made += 1


def _sized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[1:3] == (height, width):
        return pixels
    planes = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    scaled = fn.interpolate(planes, (height, width), mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
