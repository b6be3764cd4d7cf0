"""The search does nothing twice and gives up early only where nothing can be read."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.watermark import DetectorSettings, Embedder, perspective, search
from provenance.watermark.detector import detect_luma
from provenance.watermark.groups import Groups
from provenance.watermark.residual import luma_of
from tests.provenance.watermark.clips import KEYS, PAYLOAD, clip


def test_a_field_that_did_not_change_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spectra = []
    real = search.lattice.spectrum

    def counted(field: np.ndarray) -> np.ndarray:
        spectra.append(field)
        return real(field)

    monkeypatch.setattr(search.lattice, "spectrum", counted)
    monkeypatch.setattr(search.perspective, "homographies", lambda *_: [])
    frames = [(luma_of(frame), False) for frame in clip(240, 320, frames=6)]
    found = detect_luma(frames, KEYS, DetectorSettings(tries=(1, 3), inside=False))
    assert not found.found
    # the first frame once, and the mean of every frame at three and at six
    assert len(spectra) == 3


def test_what_one_frame_did_not_tell_is_read_when_more_have_come() -> None:
    frames = clip(360, 640, frames=20)
    marked = Embedder(KEYS, PAYLOAD, 640, 360).embed(frames)[4:]
    rng = np.random.default_rng(0)
    noisy = np.clip(marked + rng.normal(0, 100, marked.shape), 0, 255).astype(np.uint8)
    looked = search.Search(KEYS, DetectorSettings())
    groups = Groups()
    hits = []
    for frame in noisy:
        groups.add(luma_of(frame))
        if groups.frames in (1, len(noisy)):
            hits.append(looked.attempt(groups, thorough=False))
    assert hits[0] is None
    assert hits[1] is not None
    assert hits[1].reading.payload == PAYLOAD


def test_combs_in_the_noise_are_not_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    folded = []
    real = search.Folded.of.__func__

    def counted(cls: type, *args: object) -> object:
        folded.append(args)
        return real(cls, *args)

    monkeypatch.setattr(search.Folded, "of", classmethod(counted))
    monkeypatch.setattr(search.perspective, "homographies", lambda *_: [])
    rng = np.random.default_rng(1)
    groups = Groups()
    groups.add(rng.integers(0, 256, (360, 640), dtype=np.uint8))
    settings = DetectorSettings(sync=20)
    assert search.Search(KEYS, settings).attempt(groups, thorough=True) is None
    few = len(folded)
    folded.clear()
    everything = settings.model_copy(update={"comb": 0.0})
    assert search.Search(KEYS, everything).attempt(groups, thorough=True) is None
    assert few < len(folded)


@pytest.mark.parametrize("depth", [[-0.01, 0, 1], [0.02, 0, 1], [np.nan, 0, 1], [1e12, 1e12, 1e15]])
def test_a_slant_that_no_camera_sees_is_not_folded(
    depth: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A horizon inside of the picture ended in numbers that no reading could use."""
    wild = np.array([[0.01, 0, 0], [0, 0.01, 0], depth])
    monkeypatch.setattr(perspective, "_fit", lambda *_: wild)
    groups = Groups()
    groups.add(luma_of(clip(240, 320, frames=1)[0]))
    settings = DetectorSettings(windows=0, grids=1, upright=1)
    assert search.Search(KEYS, settings).attempt(groups, thorough=True) is None
    slight = np.array([[0.01, 0, 0], [0, 0.01, 0], [1e-4, 0, 1]])
    assert perspective.possible(slight, groups.every.mean())
