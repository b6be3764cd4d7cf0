"""What is written in the picture: read, and judged by the classifiers of prompts."""

from __future__ import annotations

from classifiers.frame.text.check import TextCheck, TextSettings
from classifiers.frame.text.reader import TextLine, TextReader

__all__ = ["TextCheck", "TextLine", "TextReader", "TextSettings"]
