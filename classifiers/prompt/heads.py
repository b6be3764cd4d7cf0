"""The heads of the embedded models: which categories they score, in the order of the weights."""

from __future__ import annotations

from policies.taxonomy import HARM

HEADS: tuple[str, ...] = tuple(HARM)
"""``unsafe`` first, then every other harm category of the taxonomy."""

INDEX = {head: i for i, head in enumerate(HEADS)}
