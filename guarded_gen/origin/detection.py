"""The operator's calibrated detector of synthetic video, asked about files of strangers.

It decodes and judges in a guarded child process, exactly as it was calibrated: the same sampling,
the same summing up, the same weights. Without a detector in ``frames.models`` whose calibration
is of exactly its weights nobody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifiers.aggregation import AggregationSettings
from classifiers.base import FrameCheck
from classifiers.deepfake import read_record
from classifiers.errors import ClassifierError
from classifiers.frame.models import ModelSpec
from classifiers.frame.profile import calibrated_with, model_check
from classifiers.frame.scan import scan
from classifiers.frame.settings import FrameSettings
from classifiers.registry import WeightsRegistry
from media.errors import MediaError
from media.limits import MediaLimits
from policies.decision import CheckStatus
from provenance.isolation import Sandbox
from provenance.report import DetectorScore

if TYPE_CHECKING:
    from guarded_gen.settings import Settings

CATEGORY = "synthetic"

MEMORY_BYTES = 24 * 1024**3
"""Address space of the child: torch reserves many times what it uses."""

FILE_BYTES = 1024**2
"""Largest file that the child may write: transformers probes the temporary folder."""


@dataclass(frozen=True, slots=True)
class DetectorAnswer:
    """What the detector said. Without a score it ``failed``, or there is none."""

    score: DetectorScore | None = None
    failed: bool = False


class SyntheticDetector:
    """Asks the first calibrated detector of the settings; close it when done."""

    def __init__(self, settings: Settings, registry: WeightsRegistry) -> None:
        self._settings, self._registry = settings, registry
        self._sandbox: Sandbox | None = None

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()

    def name(self) -> str | None:
        """The detector that would be asked."""
        for spec in self._settings.frames.models:
            if CATEGORY not in spec.categories:
                continue
            try:
                read_record(
                    self._registry,
                    spec.name,
                    CATEGORY,
                    calibrated_with(spec, self._registry, CATEGORY),
                )
            except ClassifierError:
                continue
            return spec.name
        return None

    def __call__(self, path: Path, seconds: float) -> DetectorAnswer:
        """The detector's word on a file, within ``seconds``; never raises for what is in it."""
        name = self.name()
        if name is None:
            return DetectorAnswer()
        if self._sandbox is None:
            self._sandbox = Sandbox(memory_bytes=MEMORY_BYTES, module=__name__)
        request = {
            "path": str(path.absolute()),
            "name": name,
            "weights": str(self._registry.folder.absolute()),
            "frames": self._settings.frames.model_dump(mode="json"),
            "media": self._settings.limits.media.model_dump(mode="json"),
        }
        outcome = self._sandbox.call(request, seconds)
        if outcome.answer is None or outcome.answer.get("probability") is None:
            return DetectorAnswer(failed=True)
        return DetectorAnswer(DetectorScore(**outcome.answer))


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child does with one request."""
    settings = FrameSettings.model_validate(request["frames"])
    registry = WeightsRegistry(Path(request["weights"]))
    spec = next(s for s in settings.models if s.name == request["name"])
    record = read_record(registry, spec.name, CATEGORY, calibrated_with(spec, registry, CATEGORY))
    check = _check(
        spec.model_dump_json(),
        registry.folder,
        settings.aggregation.model_dump_json(),
        record.model_dump_json(),
    )
    try:
        done = scan(
            Path(request["path"]),
            (check,),
            settings,
            MediaLimits.model_validate(request["media"]),
            seed=0,
        )
    except MediaError:
        return {"probability": None}
    signal = next(s for s in done.report.signals if s.category == CATEGORY)
    if signal.status is not CheckStatus.RAN or signal.score is None or done.error is not None:
        return {"probability": None}
    score = DetectorScore(signal.score, record.threshold, record.false_positive_rate, spec.name)
    return asdict(score)


@lru_cache(maxsize=1)
def _check(spec: str, folder: Path, aggregation: str, record: str) -> FrameCheck:
    """The loaded model, kept while model, settings and calibration (JSON) stay what they were."""
    return model_check(
        ModelSpec.model_validate_json(spec),
        WeightsRegistry(folder),
        AggregationSettings.model_validate_json(aggregation),
    )


if __name__ == "__main__":
    from provenance.isolated import serve

    serve(answer, FILE_BYTES)
