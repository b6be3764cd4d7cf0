"""Published video models through the ``diffusers`` library (an extra), on a GPU or a CPU."""

from generator.diffusers.backend import DiffusersGenerator
from generator.diffusers.settings import DiffusersSettings

__all__ = ["DiffusersGenerator", "DiffusersSettings"]
