"""The heads that the word lists know and that training fits.

What the models that are installed score stands in their own file (``EnsembleSpec.heads``): a
category without a head there has no signal, and a rule that names it says ``no_check``.
"""

from __future__ import annotations

HEADS: tuple[str, ...] = (
    "unsafe",
    "sexual",
    "sexual_minors",
    "ncii",
    "violence",
    "gore",
    "hate",
    "harassment",
    "self_harm",
    "illicit",
    "weapons",
    "extremism",
    "elections",
    "misinformation",
    "likeness",
    "intellectual_property",
    "privacy",
    "minors",
    "advice",
    "code_abuse",
)
"""``unsafe`` first."""

INDEX = {head: i for i, head in enumerate(HEADS)}
