"""A rendered world of coloured shapes: what the DiT is trained on, and half of ``world``.

Procedural: nothing here is learned, and everything that it makes is labelled so.
"""

from generator.world.caption import Caption, Thing, draw, write
from generator.world.parse import ParsedPrompt, read

__all__ = ["Caption", "ParsedPrompt", "Thing", "draw", "read", "write"]
