"""Likeness: whether a face is that of somebody who enrolled. Off unless the operator asks.

Vectors of faces exist in memory for the length of one comparison. Nothing but the number of a
consent record and a band leaves this module: the vector of somebody who did not enrol is in
no signal, log, manifest or file. The embedding model is the operator's (ONNX, 112 x 112,
aligned at the eyes); none is shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.errors import ClassifierError
from classifiers.frame.faces import WEIGHTS, BlazeFace, Face
from classifiers.frame.scored import ABSENT, NotAssessed, Watch
from media.clip import Frames
from media.sampling import View
from policies.decision import Signal

if TYPE_CHECKING:
    from PIL import Image

    from classifiers.registry import WeightsRegistry

Vector = NDArray[np.float32]

MATCH_SCORE, REVIEW_SCORE = 0.9, 0.6
"""What the two bands score: policies hold from 0.5 on. No band scores 0."""

_SIDE = 112
_EYES = ((38.3, 51.7), (73.5, 51.5))
"""Where the eyes lie in an aligned picture (the usual ArcFace template)."""


class LikenessSettings(BaseModel):
    """Recognition of people who enrolled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(False, description="compare faces with those of people who enrolled")
    embedder: str = Field("face_embedder", description="pin of the operator's embedding model")
    match: float = Field(0.6, gt=0, le=1, description="cosine from which it is the person")
    review: float = Field(0.4, gt=0, le=1, description="cosine from which a person should look")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One enrolled person: the consent record's id, its scopes, unit vectors ``[N, D]``."""

    consent: str
    scopes: tuple[str, ...]
    vectors: Vector


class Gallery(Protocol):
    """People whose consent is valid now."""

    def people(self) -> Sequence[Enrolled]: ...


class FaceEmbedder:
    """An ONNX model from an aligned face to a vector of length 1."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ClassifierError(f"{file.name} cannot be loaded", "bring it again") from error
        self._input = self._session.get_inputs()[0].name

    def embed(self, frame: NDArray[np.uint8], face: Face) -> Vector:
        """``float32 [D]`` of one face in ``uint8 [H, W, 3]``."""
        values = np.asarray(_aligned(frame, face), np.float32).transpose(2, 0, 1)[None]
        [found] = self._session.run(None, {self._input: (values - 127.5) / 127.5})
        vector = np.asarray(found, np.float32).reshape(-1)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise ValueError("the embedding is no vector")
        return vector / np.float32(length)


def _aligned(frame: NDArray[np.uint8], face: Face) -> Image.Image:
    """The face turned, scaled and moved so that its eyes lie where the model expects them."""
    from PIL import Image

    source = np.array([complex(*face.right_eye), complex(*face.left_eye)])
    target = np.array([complex(*_EYES[0]), complex(*_EYES[1])])
    span = target[1] - target[0]
    # Pillow maps output to input: z -> a z + b.
    a = (source[1] - source[0]) / span
    b = source[0] - a * target[0]
    image = Image.fromarray(np.ascontiguousarray(frame))
    return image.transform(
        (_SIDE, _SIDE),
        Image.Transform.AFFINE,
        (a.real, -a.imag, b.real, a.imag, a.real, b.imag),
        Image.Resampling.BILINEAR,
    )


@dataclass(frozen=True, slots=True)
class LikenessCheck:
    """Compares faces on sampled frames with the gallery as it stands when the stream opens."""

    registry: WeightsRegistry
    gallery: Gallery
    settings: LikenessSettings = field(default_factory=LikenessSettings)
    name: str = "likeness"
    categories: tuple[str, ...] = ("enrolled_likeness",)

    @property
    def weights(self) -> tuple[str, ...]:
        known = set(self.registry.names())
        pins = (WEIGHTS, self.settings.embedder)
        return tuple(self.registry.pin(pin).sha256 for pin in pins if pin in known)

    def open(self, stream: StreamInfo) -> FrameTap:
        if not self.settings.enabled:
            return NotAssessed(self.name, self.categories, "recognition_off")
        people = tuple(self.gallery.people())
        if not people:
            return NotAssessed(self.name, self.categories, "nobody_enrolled")
        try:
            detector = BlazeFace(self.registry.path(WEIGHTS))
            embedder = FaceEmbedder(self.registry.path(self.settings.embedder))
        except ClassifierError as error:
            if error.code in ABSENT:
                return NotAssessed(self.name, self.categories, error.code)
            raise
        return _Tap(self, people, detector, embedder, 1 / stream.fps)


@dataclass(slots=True)
class _Tap:
    check: LikenessCheck
    people: tuple[Enrolled, ...]
    detector: BlazeFace
    embedder: FaceEmbedder
    period: float
    best: dict[str, float] = field(default_factory=dict)
    segments: Segments = field(default_factory=lambda: Segments(0.6))
    watch: Watch = field(default_factory=Watch)
    faces: int = 0

    def push(self, frames: Frames) -> None:
        view = View.of(frames)
        for k in np.flatnonzero(view.due).tolist():
            found = self.detector.detect(view.pixels[k])
            self.faces = max(self.faces, len(found))
            for face in found:
                self._compare(view.pixels[k], face, float(view.times[k]))
        self.watch.seen(view.times, view.due)

    def _compare(self, frame: NDArray[np.uint8], face: Face, time: float) -> None:
        vector = self.embedder.embed(frame, face)
        for person in self.people:
            near = float((person.vectors @ vector).max())
            if near >= self.check.settings.review:
                self.best[person.consent] = max(self.best.get(person.consent, -1.0), near)
                self.segments.add(time, time + self.period, self._band(near))

    def _band(self, near: float) -> float:
        rules = self.check.settings
        return MATCH_SCORE if near >= rules.match else REVIEW_SCORE if near >= rules.review else 0.0

    def close(self) -> CheckReport:
        name, category = self.check.name, self.check.categories[0]
        if not self.watch.scored:
            return CheckReport((Signal.skipped(name, category, "no_frames"),), {"scored": 0})
        scopes = {person.consent: person.scopes for person in self.people}
        matches = [
            {
                "consent": consent,
                "band": "match" if self._band(near) == MATCH_SCORE else "review",
                "scopes": list(scopes[consent]),
            }
            for consent, near in sorted(self.best.items(), key=lambda item: -item[1])
        ]
        score = max((self._band(near) for near in self.best.values()), default=0.0)
        signal = Signal.ran(
            name,
            category,
            score,
            weights=self.check.weights[-1],
            segments=self.segments.list(),
            detail={"faces": self.faces, "enrolled": len(self.people), "matches": matches[:10]},
        )
        return CheckReport((signal,), self.watch.coverage())
