"""A rendered world of coloured shapes: the ``world`` backend, and what the DiT is trained on.

Procedural: nothing here is learned, and everything that it makes is labelled so.
"""

from generator.world.backend import WorldGenerator
from generator.world.caption import Caption, Thing, draw, write
from generator.world.parse import Reading, read

__all__ = ["Caption", "Reading", "Thing", "WorldGenerator", "draw", "read", "write"]
