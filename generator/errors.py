"""What can go wrong in this room."""

from __future__ import annotations


class GeneratorError(Exception):
    """The base of this room's errors. ``code`` is stable; ``remedy`` says what to do."""

    code = "generator_error"

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class UnknownBackend(GeneratorError):
    """No generator backend has this name."""

    code = "unknown_backend"


class BackendNotInstalled(GeneratorError):
    """The libraries of this backend are not installed; the remedy names the extra."""

    code = "runtime_missing"


class UnsupportedSpec(GeneratorError):
    """The backend cannot make what the spec asks for (mode, size, length, rate)."""

    code = "unsupported_spec"


class Cancelled(GeneratorError):
    """The caller cancelled; no frame after this moment is produced."""

    code = "cancelled"


class OutOfMemory(GeneratorError):
    """The device has too little memory for this spec; the memory was given back."""

    code = "out_of_memory"


class BackendFailed(GeneratorError):
    """The backend broke or answered nonsense."""

    code = "backend_failed"


class WeightsMissing(GeneratorError):
    """A weights file that the backend needs is not there."""

    code = "weights_missing"


class WeightsMismatch(GeneratorError):
    """A weights file is not the one that was pinned by its SHA-256, or is no safetensors file."""

    code = "weights_mismatch"
