"""Rows cut the way the gate cuts them: spans and windows, each in its language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.prompt.encoder import WINDOW, EncoderScorer
from classifiers.prompt.ensemble import ENGLISH
from classifiers.prompt.language import LanguageDetector
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.normalise import Normaliser, Vocabulary
from classifiers.prompt.reader import Reader
from classifiers.prompt.training.rows import Row
from classifiers.prompt.windows import Piece, stretches


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row and the stretches of it that the models read; never empty."""

    row: Row
    parts: tuple[Piece, ...]

    @property
    def english(self) -> bool:
        """Whether every stretch is read by the English scorers too."""
        return all(part.code in ENGLISH for part in self.parts)


class Cutter:
    """Reads rows with the word list and the tokenizer of a folder of weights."""

    def __init__(self, words: Path, encoder: EncoderScorer, languages: Sequence[str]) -> None:
        vocabulary = Vocabulary.from_tokenizer(words, LexiconScorer().words)
        self._encoder = encoder
        self._reader = Reader(
            Normaliser(vocabulary, LexiconScorer().words), LanguageDetector(vocabulary, languages)
        )

    def cut(self, rows: Sequence[Row]) -> list[ReadRow]:
        """Rows in order; one with a part that no model reads is left out: the gate holds it."""
        found = []
        for row in rows:
            read = self._reader.read(row.text)
            if not read.unread and read.pieces:
                parts = stretches(read.pieces, self._encoder.tokens, WINDOW - 2)
                found.append(ReadRow(row, tuple(parts)))
        return found
