"""From one prompt to the pieces that the models read, and to those that nobody can read.

The plain text is cut into spans, and each span into runs of one language. A run in a language
that no model was measured on is read again for disguises (text that is turned round or spelt in
signs looks like another language); what stays foreign makes the whole prompt unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classifiers.prompt import spans
from classifiers.prompt.language import OURS, UNDETERMINED, Language, LanguageDetector
from classifiers.prompt.negation import only_label, without_denied
from classifiers.prompt.normalise import Normaliser, Reading, Readings
from classifiers.prompt.windows import Piece

MAX_REREAD = 24
"""Foreign spans of one text that are searched for disguises; any more stay foreign."""


AROUND = 60
"""Letters of one language from which it names what stands among them."""


AROUND_SHARE = 0.3
"""Share of all letters that are not English, from which it does."""
MOSTLY = 0.7
"""Share of a span from which all of it counts as foreign."""
Stretch = tuple[int, int, Language]
"""Start, end and language."""


@dataclass(frozen=True, slots=True)
class Unread:
    """``start:end`` of the prompt is in the language ``code``, which no model was measured on."""

    code: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Read:
    """A text's readings, the pieces to judge, and what is left unread.

    ``language`` is the first unsupported one, else the one with the most letters.
    """

    readings: Readings
    language: Language
    pieces: tuple[Piece, ...]
    unread: tuple[Unread, ...]


class Reader:
    """Cuts texts; pure and thread-safe but for caches."""

    def __init__(self, normaliser: Normaliser, languages: LanguageDetector) -> None:
        self._normaliser = normaliser
        self._languages = languages

    def read(self, text: str) -> Read:
        """Never raises, whatever the text."""
        readings = self._normaliser.read(text)
        pieces: list[Piece] = []
        unread: list[Unread] = []
        letters: dict[str, int] = {}
        foreign: list[tuple[int, int]] = []
        undone: list[Piece] = []
        reread = 0
        for start, end, language in self._stretches(readings.plain.text):
            at = _origin(readings.plain, start, end)
            part = readings.plain.text[start:end]
            if not language.supported and reread < MAX_REREAD:
                reread += 1
                again = self._again(part)
                if again:
                    undone += [Piece(clear, "en", *at) for clear in again]
                    letters["en"] = letters.get("en", 0) + len(again[0])
                    continue
            letters[language.code] = letters.get(language.code, 0) + end - start
            if language.code not in OURS and not _spelt_out(part):
                foreign.append(at)
            if not language.supported:
                unread.append(Unread(language.code, *at))
            elif not readings.others or not (language.code in OURS or _spelt_out(part)):
                pieces.append(Piece(part, language.code, *at))
        clearer = [p for reading in readings.others for p in self._others(reading, foreign)]
        # a run is only a piece of its sentence: where a reading has all of that, it says more
        pieces += [p for p in undone if not any(_covers(other, p) for other in clearer)]
        pieces += clearer
        made = []
        label = ""
        for piece in pieces:
            said = label + piece.text
            clean = spans.canonical(without_denied(said, piece.code))
            if clean:
                made.append(Piece(clean, piece.code, piece.start, piece.end))
            # "Negative prompt:" may stand on a line of its own, with its items on the next
            label = said if only_label(piece.text) else ""
        if unread:
            language = Language(unread[0].code, False)
        else:
            code = max(letters, key=letters.__getitem__, default=UNDETERMINED)
            language = Language(code, True)
        return Read(readings, language, tuple(made), tuple(unread))

    def _settled(self, text: str) -> list[list[Stretch]]:
        """The runs of each span; what nobody could name alone is named by what stands around it."""
        found = self._spans(text)
        if all(language.supported for runs in found for _, _, language in runs):
            return found
        letters: dict[str, int] = {}
        for start, end, language in (run for runs in found for run in runs):
            letters[language.code] = letters.get(language.code, 0) + end - start
        other = sum(n for code, n in letters.items() if code not in OURS)
        known = [c for c in letters if c not in OURS and self._languages.supports(c)]
        most = max(known, key=letters.__getitem__, default="")
        if not most or letters[most] < max(AROUND, AROUND_SHARE * other):
            return found
        return self._spans(text, most)

    def _stretches(self, text: str) -> list[Stretch]:
        """All runs in order; one for a whole span that is mostly unread.

        A disguise is taken off a span as a whole, but a few foreign words among English ones
        are looked at alone: read together, they would be bent into the English around them.
        """
        found: list[Stretch] = []
        for runs in self._settled(text):
            foreign = sum(end - start for start, end, language in runs if not language.supported)
            if len(runs) > 1 and foreign > MOSTLY * (runs[-1][1] - runs[0][0]):
                worst = next(language for _, _, language in runs if not language.supported)
                found.append((runs[0][0], runs[-1][1], worst))
            else:
                found += runs
        return found

    def _spans(self, text: str, around: str = "") -> list[list[Stretch]]:
        """The runs of each span that is not about the camera alone."""
        found = []
        for span in spans.cut(text):
            part = text[span.start : span.end]
            if not spans.technical(part):
                runs = self._languages.runs(part, around)
                found.append([(span.start + r.start, span.start + r.end, r.language) for r in runs])
        return found

    def _again(self, part: str) -> tuple[str, ...]:
        """English readings of a span that looks foreign; none when it is foreign indeed."""
        others = self._normaliser.read(part).others
        return tuple(
            other.text
            for other in others
            if all(run.language.code in OURS for run in self._languages.runs(other.text))
        )

    def _others(self, reading: Reading, foreign: Sequence[tuple[int, int]]) -> list[Piece]:
        """The English spans of another reading, but none that was made out of foreign words."""
        pieces = []
        for start, end, language in (run for runs in self._spans(reading.text) for run in runs):
            at = _origin(reading, start, end)
            if language.code in OURS and not any(a < at[1] and at[0] < b for a, b in foreign):
                pieces.append(Piece(reading.text[start:end], "en", *at))
        return pieces


def _covers(one: Piece, other: Piece) -> bool:
    return one.start <= other.start and other.end <= one.end


def _spelt_out(text: str) -> bool:
    """Whether nearly all words are single letters: of no language, whatever a detector says."""
    words = text.split()
    return len(words) >= 6 and sum(len(word) == 1 for word in words) > 0.7 * len(words)


def _origin(reading: Reading, start: int, end: int) -> tuple[int, int]:
    covered = reading.origin[start:end]
    return min(covered), max(covered) + 1
