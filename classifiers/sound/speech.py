"""The words of a clip: speech to text by a model that you bring, then the prompt classifiers.

Any CTC or sequence-to-sequence recogniser of transformers, pinned file by file in the registry
(``guarded-gen models add NAME FOLDER``). Without one the sound is ``not_assessed``: pocketsphinx,
the one recogniser in the package registries that ships its weights, got 85 of 100 words wrong on
synthetic speech (40 sentences, two voices), which is no evidence of anything.

What was said is held in memory only; records keep the number of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.base import CheckReport, PromptClassifier
from classifiers.errors import ClassifierError, RuntimeMissing
from classifiers.words import verdict
from policies.decision import Signal

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry
    from media.open import Media, Sound

SOUND = "sound"
RATE = 16_000
"""Samples a second: what recognisers are trained on."""

_ABSENT = frozenset({"weights_missing", "unknown_weights", "runtime_missing"})


class SpeechSettings(BaseModel):
    """Which recogniser listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field("", description="a model of `models list`; empty: nobody listens")
    window: float = Field(
        30.0, gt=0, le=30, description="seconds that are recognised, and judged, at once"
    )


class SpeechCheck:
    """``sound``: the worst that the prompt classifiers say of any window's words; see
    :func:`classifiers.words.verdict`."""

    name = "speech"
    categories = (SOUND,)

    def __init__(
        self,
        registry: WeightsRegistry,
        classifiers: Callable[[], Sequence[PromptClassifier]],
        settings: SpeechSettings,
    ) -> None:
        self._registry, self._classifiers, self._settings = registry, classifiers, settings
        self._recognise: Callable[[NDArray[np.float32]], str] | None = None

    @property
    def weights(self) -> tuple[str, ...]:
        from classifiers.frame.models import sha256_of_model

        return sha256_of_model(self._registry, self._settings.model)

    def silent(self) -> tuple[Signal, ...]:
        return (Signal.ran(self.name, SOUND, 0.0, calibrated=True, detail={"tracks": 0}),)

    def listen(self, media: Media, track: Sound) -> CheckReport:
        """Memory of one window. Raises the media room's errors."""
        try:
            recognise = self._load()
        except ClassifierError as error:
            if error.code not in _ABSENT:
                raise
            told = Signal.skipped(self.name, SOUND, "not_assessed", detail={"cause": error.code})
            return CheckReport((told,), {})
        texts, seconds = [], 0.0
        for window in self._windows(media, track):
            seconds += len(window) / RATE
            text = recognise(window).strip()
            if text:
                texts.append(text)
        words = sum(len(text.split()) for text in texts)
        signals = verdict(
            self.name,
            SOUND,
            texts,
            self._classifiers() if texts else (),
            {"words": words},
            self.weights[0],
        )
        return CheckReport(
            signals, {"seconds": round(seconds, 1), "words": words, "windows": len(texts)}
        )

    def _load(self) -> Callable[[NDArray[np.float32]], str]:
        if self._recognise is None:
            self._recognise = _recogniser(self._registry, self._settings.model)
        return self._recognise

    def _windows(self, media: Media, track: Sound) -> Iterator[NDArray[np.float32]]:
        size = round(self._settings.window * RATE)
        held = np.zeros(0, np.float32)
        for block in media.sound(track, RATE):
            held = np.concatenate([held, block[:, 0]])
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        if len(held) >= RATE // 10:
            yield held


def _recogniser(registry: WeightsRegistry, name: str) -> Callable[[NDArray[np.float32]], str]:
    from classifiers.frame.models import folder_of, load_transformers

    folder = folder_of(registry, name)
    try:
        from transformers import AutoConfig, AutoProcessor
        from transformers import pipeline as make_pipeline
    except ImportError as error:
        raise RuntimeMissing(
            "transformers is not installed", "pip install 'guarded-gen[models]'"
        ) from error
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        named = " ".join(config.architectures or ())
        loader = "AutoModelForCTC" if "CTC" in named else "AutoModelForSpeechSeq2Seq"
        model = load_transformers(loader, folder)
        processor: Any = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            folder, local_files_only=True, trust_remote_code=False
        )
        pipe: Any = make_pipeline(
            "automatic-speech-recognition",
            model=model,
            tokenizer=processor.tokenizer,
            feature_extractor=processor.feature_extractor,
            device="cpu",
        )
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise ClassifierError(
            f"{name} is no speech recogniser: {str(error)[:200]}",
            "bring a CTC or sequence-to-sequence model of transformers, whole",
        ) from error

    def recognise(window: NDArray[np.float32]) -> str:
        return str(pipe({"raw": window, "sampling_rate": RATE})["text"])

    return recognise
