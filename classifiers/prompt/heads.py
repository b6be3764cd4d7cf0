"""The heads of the embedded models: which categories they score, in the order of the weights.

Fixed by the weights, not by the taxonomy: a category that joins the taxonomy has no head until
the models are trained anew, and a rule that names it then says ``no_check``.
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
