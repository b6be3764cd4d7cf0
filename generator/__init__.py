"""The generator room: a spec in, frames out, from a model or a renderer.

May import policies and media.
"""

from generator.base import (
    ALGORITHMIC_MEDIA,
    TRAINED_ALGORITHMIC_MEDIA,
    Cancel,
    Capabilities,
    Generator,
    OnStep,
    Pixels,
    Step,
)
from generator.errors import (
    BackendFailed,
    Cancelled,
    GeneratorError,
    OutOfMemory,
    UnknownBackend,
    UnsupportedSpec,
)
from generator.registry import available, create
from generator.spec import GenerationSpec, Mode

__all__ = [
    "ALGORITHMIC_MEDIA",
    "TRAINED_ALGORITHMIC_MEDIA",
    "BackendFailed",
    "Cancel",
    "Cancelled",
    "Capabilities",
    "GenerationSpec",
    "Generator",
    "GeneratorError",
    "Mode",
    "OnStep",
    "OutOfMemory",
    "Pixels",
    "Step",
    "UnknownBackend",
    "UnsupportedSpec",
    "available",
    "create",
]
