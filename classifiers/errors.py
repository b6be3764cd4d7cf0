"""What can go wrong in this room."""

from __future__ import annotations


class ClassifierError(Exception):
    """The base of this room's errors. ``code`` is stable; ``remedy`` says what to do."""

    code = "classifier_error"

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class WeightsMissing(ClassifierError):
    """The weights file is not on this machine."""

    code = "weights_missing"


class UnknownWeights(ClassifierError):
    """No weights are pinned under this name."""

    code = "unknown_weights"


class WeightsMismatch(ClassifierError):
    """A weights file does not have the SHA-256 that the registry pins."""

    code = "weights_mismatch"


class UnsafeWeightsFormat(ClassifierError):
    """The file could run code when loaded: only safetensors, ONNX and plain .npy are read."""

    code = "unsafe_weights_format"


class NotCalibrated(ClassifierError):
    """The model's scores were never measured on labelled data, or of other weights."""

    code = "not_calibrated"


class RuntimeMissing(ClassifierError):
    """A library that runs this kind of model is not installed."""

    code = "runtime_missing"


class RandomWeights(ClassifierError):
    """The files do not hold every parameter of the model: the rest would be random."""

    code = "random_weights"
