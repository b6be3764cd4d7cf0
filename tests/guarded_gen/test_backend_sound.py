"""Sound that a backend makes goes down the whole line: heard, kept, told, signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.base import Cancel, OnStep
from generator.errors import BackendFailed
from generator.spec import GenerationSpec
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from media.limits import MediaLimits
from media.open import open_media
from media.soundtrack import RATE, Soundtrack, head
from policies.decision import CheckStatus

REQUEST = ClipRequest(prompt="a red circle moves over the sea", seconds=1, width=256, height=256)


class Sounding:
    """The real generator, with a tone beside its frames."""

    def __init__(self, inner: Any, late: bool = False) -> None:
        self._inner, self._late = inner, late

    def capabilities(self) -> Any:
        return self._inner.capabilities()

    def recaption(self, prompt: str) -> dict[str, Any]:
        return self._inner.recaption(prompt)

    def generate(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Any]:
        tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
        sound = Soundtrack(
            tone[:, None].astype(np.float32), {"from": "backend", "how": "made with the frames"}
        )
        frames = self._inner.generate(spec, on_step, cancel)
        if self._late:
            yield next(frames)
        yield sound
        yield from frames


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    made._generators["world"] = made.generator("world")
    yield made
    made.close()


def test_it_is_heard_kept_and_told(services: Services, tmp_path: Path) -> None:
    services._generators["world"] = Sounding(services.generator("world"))
    out = tmp_path / "clip.mp4"
    made = make_clip(services, REQUEST, out)
    assert made.path == out, made
    [track] = open_media(out).sounds
    assert (track.codec, track.rate) == ("aac", RATE)
    kept = head(out, 1, MediaLimits())
    assert kept is not None
    assert np.sqrt((kept**2).mean()) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)
    # Told in the decision …
    [gate] = [g for g in made.gates.values() if "sound" in g.coverage]
    signals = {s.category: s for s in gate.signals}
    assert signals["loudness"].status is CheckStatus.RAN
    assert signals["sound"].reason == "not_assessed"
    assert gate.coverage["sound"]["how"] == "made with the frames"
    # … and in the signed manifest.
    assert b"made with the frames" in out.read_bytes()


def test_sound_after_the_frames_is_refused_not_dropped(services: Services, tmp_path: Path) -> None:
    services._generators["world"] = Sounding(services.generator("world"), late=True)
    with pytest.raises(BackendFailed, match="after the first frames"):
        make_clip(services, REQUEST, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()
