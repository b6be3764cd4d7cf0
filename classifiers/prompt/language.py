"""Which language a prompt is in, and whether the embedded model can judge it.

The embedded encoder reads English. On other languages it is worse than useless (an English
encoder flags half of all harmless Chinese prompts), so a prompt in another language is
``skipped``, and the policy decides. Detection joins three witnesses: the script, an n-gram
model over 140 languages (``py3langid``, BSD-3-Clause), and the share of English words, which
is the better one for short prompts.
"""

from __future__ import annotations

import io
import lzma
import re
import threading
from array import array
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.normalise import Vocabulary

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SUPPORTED = ("en",)
"""Languages that the embedded model was measured on; see the model card."""
UNDETERMINED = "und"
FOREIGN_SCRIPT = 0.3
"""Share of non-Latin letters from which a text is not English, whatever else it holds."""
SURE_VOTES = 0.25
"""Share of another language's frequent words that is the surest sign of it."""
PLAINLY_ENGLISH = 0.9
"""Share of English words from which the n-gram model is not asked: it could change nothing."""
ENGLISH_LIKE = ("en", "pcm", "gcf", "jam", "sco")
"""English and creoles of it, which the n-gram model confuses on short texts."""
MAX_CHARS = 1_000
"""The beginning decides; the rest of a long text costs time and changes nothing."""
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")

_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"), ("ko", "\uac00", "\ud7af"), ("zh", "\u4e00", "\u9fff"),
    ("ru", "\u0400", "\u04ff"), ("ar", "\u0600", "\u06ff"), ("he", "\u0590", "\u05ff"),
    ("hi", "\u0900", "\u097f"), ("th", "\u0e00", "\u0e7f"), ("el", "\u0370", "\u03ff"),
)  # fmt: skip

# Words that are frequent in the language and are no English words.
_FOREIGN_WORDS = {
    "de": "der die das und ist ein eine einen einem einer mit auf nicht ich wie für über zu im vom "
    "zum zur den dem des von wird sind oder auch aus bei nach ohne durch sich kein keine",
    "fr": "le la les un une des du et est dans avec pour sur qui que pas plus au aux je il elle "
    "nous vous ce cette ces son sa ses sans sous vers chez",
    "es": "el los las una uno y es en con por para del al que se su sus como pero muy sobre sin "
    "está este esta hay lo le mi tu",
    "it": "il lo gli uno una e è di del della dei delle con per che nel nella sul sulla un non "
    "come sono questo questa tra fra",
    "pt": "o os as um uma e é do da dos das no na nos nas com para por que não se em ao à seu sua "
    "mais como sobre sem",
    "nl": "de het een en van is op met voor niet ik je dat die door naar bij aan uit om zijn haar "
    "over onder geen",
    "sv": "och ett att det som på är av för med till den inte en jag han hon vid utan",
    "da": "og et at det som på er af for med til den ikke en jeg han hun ved uden",
    "pl": "i w na z się nie do to że jest przez dla jak po od ale czy pod przy",
    "tr": "bir ve bu için ile çok var olan gibi daha ne kadar mi değil",
    "id": "yang di dan dengan untuk ini itu dari tidak pada seorang sebuah adalah ke para",
    "ro": "și un o în pe cu la nu este din care pentru mai sunt",
    "fi": "ja on ei se että hän oli joka mutta kun myös",
    "hu": "a az és egy nem hogy van ez meg de is",
    "cs": "a v na se že je to s z do ne jako po pro ve",
    "vi": "và của một là có trong cho không người với trên",
    "tl": "ang ng sa mga na ay isang at may",
}
_FOREIGN = {code: frozenset(words.split()) for code, words in _FOREIGN_WORDS.items()}
_AMBIGUOUS = frozenset(
    [
        "a",
        "i",
        "is",
        "in",
        "on",
        "to",
        "no",
        "me",
        "he",
        "do",
        "at",
        "as",
        "by",
        "or",
        "so",
        "an",
        "die",
        "was",
        "war",
        "man",
        "hat",
        "kind",
        "am",
        "of",
        "and",
        "the",
        "it",
        "es",
        "que",
        "it",
        "de",
        "la",
        "el",
        "se",
        "son",
        "come",
        "per",
        "un",
        "fin",
        "en",
        "i",
        "a",
        "o",
        "e",
        "dan",
        "is",
        "me",
        "mi",
        "di",
        "do",
        "to",
        "sa",
        "s",
        "le",
        "van",
    ]
)
"""Foreign frequent words that also occur in English prompts; they count half."""


@dataclass(frozen=True, slots=True)
class Language:
    """``code`` is ISO 639-1 or ``und``; ``supported`` says whether the model may judge."""

    code: str
    supported: bool


def load_identifier() -> LanguageIdentifier:
    """The n-gram model of ``py3langid``, read into memory.

    The package's own loader unpacks 65 MB into a temporary file in every process; this one
    writes none. Half a second and 100 MB.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    spec = find_spec("py3langid")
    assert spec is not None and spec.origin is not None
    packed = Path(spec.origin).parent / MODEL_FILE
    with lzma.open(packed) as stream:
        unpacked = io.BytesIO(stream.read())
    with np.load(unpacked, allow_pickle=False) as data:
        return LanguageIdentifier(
            data["ptc"], data["pc"], data["classes"].tolist(), _plain(data["nextmove"]),
            data["out_feat"].tolist(), norm_probs=True, tk_row=_plain(data["nextmove_row"]),
        )  # fmt: skip


def _plain(numbers: NDArray[np.unsignedinteger[Any]]) -> array[int]:
    # single items of array.array are read several times faster than NumPy's
    found = array({2: "H", 4: "I", 8: "L"}[numbers.dtype.itemsize])
    found.frombytes(np.ascontiguousarray(numbers).tobytes())
    return found


class LanguageDetector:
    """Detects languages; 0.05 ms for plain English, 0.3 ms for other texts. Thread-safe.

    A text without letters, or one that no witness can place, is ``und`` and supported: there
    is nothing in it that only another language could say. The n-gram model is loaded when a
    text first needs it.
    """

    def __init__(self, words: Vocabulary) -> None:
        self._words = words
        self._lock = threading.Lock()
        self._loaded: LanguageIdentifier | None = None

    @property
    def _model(self) -> LanguageIdentifier:
        with self._lock:
            if self._loaded is None:
                self._loaded = load_identifier()
            return self._loaded

    def detect(self, text: str) -> Language:
        """The language of the first :data:`MAX_CHARS` characters."""
        text = text[:MAX_CHARS]
        letters = _LETTER.findall(text)
        if not letters:
            return Language(UNDETERMINED, True)
        if sum(_non_latin(c) for c in letters) > FOREIGN_SCRIPT * len(letters):
            return Language(self._by_script(letters), False)
        words = [w.lower() for w in _WORD.findall(text)]
        english = self._words.readability(text)
        code, votes = self._frequent_words(words)
        if english >= PLAINLY_ENGLISH and votes < SURE_VOTES:
            return Language("en", True)
        accents = sum(ord(c) > 0xBF for c in letters) / len(letters)
        ranked = dict(self._model.rank(text))
        own = sum(ranked.get(name, 0.0) for name in ENGLISH_LIKE)
        best = max((name for name in ranked if name not in ENGLISH_LIKE), key=ranked.__getitem__)
        # Frequent words are the surest sign; then the n-gram model, where English words are few.
        foreign = (
            (votes >= SURE_VOTES and ranked[best] + ranked.get(code, 0) > own)
            or (votes >= 0.15 and english < PLAINLY_ENGLISH and own < 0.5)
            or (english < 0.75 and ranked[best] >= 0.3 and own < 0.25)
            or (english < 0.55 and accents > 0 and own < 0.5)
            or (english < 0.4 and own < 0.2 and len(words) >= 3)
            or (ranked[best] > 0.8 and english < PLAINLY_ENGLISH)
        )
        if not foreign:
            return Language("en" if own >= 0.1 or english > 0.7 else UNDETERMINED, True)
        return Language(code if votes >= SURE_VOTES and code else best, False)

    def _frequent_words(self, words: list[str]) -> tuple[str, float]:
        best, share = "", 0.0
        for code, known in _FOREIGN.items():
            found = [0.5 if w in _AMBIGUOUS else 1.0 for w in words if w in known]
            if found and max(found) == 1.0 and sum(found) / len(words) > share:
                best, share = code, sum(found) / len(words)
        return best, share

    def _by_script(self, letters: list[str]) -> str:
        for code, first, last in _SCRIPTS:
            if any(first <= c <= last for c in letters):
                return str(self._model.classify("".join(letters))[0]) if code == "ru" else code
        return str(self._model.classify("".join(letters))[0])


def _non_latin(char: str) -> bool:
    # Latin letters with accents and the phonetic block end below U+0250; Vietnamese is 1E00-1EFF
    return ord(char) >= 0x250 and not 0x1E00 <= ord(char) <= 0x1EFF
