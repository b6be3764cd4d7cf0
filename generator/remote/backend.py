"""The ``remote`` backend: ask a server of videos, poll, download, decode."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
from PIL import Image

from generator.base import TRAINED_ALGORITHMIC_MEDIA, Cancel, Capabilities, OnStep, Pixels, Step
from generator.checks import require
from generator.errors import BackendFailed, Cancelled
from generator.remote.dialects import DIALECTS
from generator.remote.dialects.base import Dialect
from generator.remote.http import Client
from generator.remote.settings import RemoteSettings
from generator.spec import GenerationSpec, Mode
from media.decode import decode
from media.errors import MediaError
from media.limits import MediaLimits
from media.soundtrack import Soundtrack, head


@dataclass(slots=True)
class RemoteGenerator:
    """Clips of another server. What comes back is decoded, brought to the asked size and rate,
    and judged by our gates like any other. Memory: one batch of frames; the video is on disk
    while it is read."""

    settings: RemoteSettings
    limits: MediaLimits = field(default_factory=MediaLimits)
    wait: Callable[[float], None] = time.sleep
    _MODES: ClassVar[frozenset[Mode]] = frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO})

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
        """Whether the server answers, and has the model where it lists any; :class:`BackendFailed`
        when it does not in time."""
        path = DIALECTS[self.settings.dialect].alive
        told = Client(self.settings.base_url, "", self.settings.timeout, 0).reach(path)
        listed = told.get("data")
        known = [m.get("id") for m in listed if isinstance(m, dict)] if listed else []
        if self.settings.model and known and self.settings.model not in known:
            raise BackendFailed(
                f"the server has no model {self.settings.model!r}",
                "it lists " + ", ".join(str(name)[:80] for name in known[:5]),
            )

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
        dialect = DIALECTS[self.settings.dialect]()
        job = ""
        finished = False
        try:
            if cancel():
                raise Cancelled("cancelled before the job was sent")
            job = dialect.send(client, spec, self.settings)
            self._follow(client, dialect, job, on_step, cancel)
            with tempfile.TemporaryDirectory(prefix="guarded-gen-") as folder:
                path = Path(folder) / "remote.mp4"
                dialect.fetch(client, job, path, self.settings.max_bytes)
                sound = self._sound(path, spec)
                if sound is not None:
                    yield sound
                yield from self._frames(path, spec)
            finished = True
        finally:
            if job and not finished:
                with suppress(BackendFailed):
                    dialect.drop(client, job)
            client.close()

    def _follow(
        self, client: Client, dialect: Dialect, job: str, on_step: OnStep, cancel: Cancel
    ) -> None:
        waited = 0.0
        shown = -1
        while True:
            if cancel():
                raise Cancelled("cancelled; the server was told to delete the job")
            look = dialect.look(client, job)
            done = 100 if look.done else min(99, max(0, look.progress or 0, shown))
            if done > shown:
                on_step(Step(done, 100, detail={"status": look.status}))
                shown = done
            if look.done:
                return
            if look.failed:
                raise BackendFailed(
                    f"the server ended the job as {look.status[:40]}: {look.words[:200]}",
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
    size, filtering = (width, height), Image.Resampling.BILINEAR
    frames = [Image.fromarray(frame).resize(size, filtering) for frame in pixels]
    return np.stack([np.asarray(frame) for frame in frames])
