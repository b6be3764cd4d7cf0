"""Nudity on frames: Yahoo's open_nsfw, a ResNet-50-thin, with a second opinion by nsfwjs.

Source: github.com/yahoo/open_nsfw, weights under BSD-2-Clause. The model was trained on
photographs and judges pornography, not violence, drawings or the age of anybody. Where the weights
of nsfwjs are there too, a frame's score is the mean of both (linear opinion pool, Stone 1961): what
one of them takes for nudity alone stays below the threshold for a review unless it is all but sure,
and no clip is blocked by one alone. The score is not calibrated for generated video.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers.aggregation import AggregationSettings
from classifiers.errors import ClassifierError
from classifiers.frame import nsfwjs
from classifiers.frame.scored import FrameScorer, ScoredCheck
from media.clip import Pixels

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry

WEIGHTS = "open_nsfw"
"""The pin of the file in the registry."""

_SIDE, _CROP = 256, 224
_MEAN_BGR = np.array([104, 117, 123], np.float32)


class OpenNsfw:
    """The loaded model. About 40 ms a frame on one core.

    Frames are scaled to 256 x 256 and the middle 224 x 224 is judged, BGR less the training
    mean, as in the reference ``classify_nsfw.py`` (without its JPEG round trip).
    """

    def __init__(self, file: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ClassifierError(f"{file.name} cannot be loaded", "pull it again") from error
        self._input = self._session.get_inputs()[0].name

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """``sexual`` in [0, 1], ``[T]``, of ``uint8 [T, H, W, 3]`` RGB."""
        batch = np.stack([_prepare(frame) for frame in pixels])
        [found] = self._session.run(None, {self._input: batch})
        return {"sexual": np.asarray(found)[:, 1]}


def _prepare(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    from PIL import Image

    edge = (_SIDE - _CROP) // 2
    image = Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
    crop = np.asarray(image, np.float32)[edge : edge + _CROP, edge : edge + _CROP]
    return crop[:, :, ::-1] - _MEAN_BGR


class Opinions:
    """Several models about the same frames; a score is the mean of theirs."""

    def __init__(self, models: Mapping[str, FrameScorer]) -> None:
        self._models = dict(models)

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """``sexual`` in [0, 1], ``[T]``."""
        told = [model.score(pixels)["sexual"] for model in self._models.values()]
        return {"sexual": np.mean(np.stack(told).astype(np.float64), axis=0)}

    def facts(self) -> dict[str, Any]:
        """For the signal's detail: whose opinion this is."""
        return {"opinions": list(self._models)}


def nsfw_check(
    registry: WeightsRegistry, aggregation: AggregationSettings | None = None, threads: int = 1
) -> ScoredCheck:
    """The check; without open_nsfw's weights it says ``not_assessed``.

    The second opinion is asked where its weights are there; weights that are there and wrong fail
    the check.
    """

    def second() -> bool:
        return all(registry.location(name).exists() for name in nsfwjs.WEIGHTS)

    def load() -> FrameScorer:
        models: dict[str, FrameScorer] = {"open_nsfw": OpenNsfw(registry.path(WEIGHTS), threads)}
        if second():
            graph, *parts = (registry.path(name) for name in nsfwjs.WEIGHTS)
            models["nsfwjs"] = nsfwjs.NsfwJs(graph, parts, threads)
        return Opinions(models)

    def weights() -> tuple[str, ...]:
        names = (WEIGHTS, *(nsfwjs.WEIGHTS if second() else ()))
        return tuple(registry.pin(name).sha256 for name in names)

    return ScoredCheck("open_nsfw", ("sexual",), load, weights=weights, aggregation=aggregation)
