"""Which language a stretch is in, by witnesses that must agree.

Two n-gram models of different make (``py3langid``, BSD-3-Clause, over words and bytes; CLD2 through
``pycld2``, Apache-2.0, over groups of four letters) and the frequent words of the caller. One
model alone takes every seventh stretch of a language that nothing here was measured on for one that
was; two that agree do so in one or two of a hundred. What they do not agree on is foreign.
"""

from __future__ import annotations

import io
import lzma
import re
import threading
from array import array
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH_LIKE = ("en", "pcm", "gcf", "jam", "sco")
"""English and creoles of it, which the n-gram models confuse on short texts."""
_CANDIDATES_LIST = (
    "en de fr es it pt nl sv da no pl cs sk sl hr sr ro hu fi et lv lt tr az id ms vi tl sw "
    "af ca gl eu cy ga is sq mt ru uk bg mk be el he ar fa ur hi mr ne bn ta te ml kn gu pa "
    "si th lo km my zh ja ko ka hy am mn kk eo la ht rw xh zu so ha yo ig sn st uz ku jv br lb "
    "fy oc mg lg ln ky tg tt ps ug"
)
CANDIDATES = _CANDIDATES_LIST.split()
"""What ``py3langid`` may answer: languages that people write prompts in."""
LIKELY = 0.4
"""Share from which the first model counts as a witness."""
SURE = 0.9
"""Share from which it is sure."""
SAME = {
    "ms": "id",
    "iw": "he",
    "jw": "jv",
    "in": "id",
    "fil": "tl",
    "nb": "no",
    "nn": "no",
    "mo": "ro",
    "zh-Hant": "zh",
    "sr-ME": "sr",
    "bs": "hr",
    "sco": "en",
    "un": "",
}
"""Other codes for the same language; Malay and Indonesian are two norms of one (ISO 639-3 msa)."""
RELATIVES = {
    "es": ("gl", "ca", "pt", "an", "ext"),
    "pt": ("gl", "es"),
    "fr": ("oc", "ca", "wa"),
    "it": ("co", "vec", "lij"),
    "id": ("jv", "su"),
    "nl": ("af", "fy"),
    "de": ("lb",),
    "hi": ("mr", "ne", "bh", "mai"),
    "tr": ("az",),
}
"""Near languages that few words do not tell apart. In the midst of a prompt in the first one, a
stretch that looks like one of them is taken for the first."""
FEW = 12
"""Words up to which that holds where both models name the near language."""
FAINT = 0.1
"""Share of the language around from which a stretch that nothing else names belongs to it."""
_VIETNAMESE = re.compile("[ơƯưƠ\u1ea0-\u1ef9]")
_DOTTED = frozenset("ẸẹỌọỊịỤụẼẽỲỳỴỵỸỹ")
"""Letters of that range in other languages too: Yoruba, Igbo, Guaraní, Welsh."""


@dataclass(frozen=True, slots=True)
class Named:
    """``code`` of the language; ``english`` the first model's share for English.

    ``agreed`` tells whether both models name this one language, the first being sure.
    """

    code: str
    english: float
    second: str
    agreed: bool


class Identifier:
    """Names languages; thread-safe, loaded when first needed (half a second, 100 MB)."""

    def __init__(self, supported: Container[str]) -> None:
        self._supported = supported
        self._lock = threading.Lock()
        self._loaded: LanguageIdentifier | None = None

    @property
    def _model(self) -> LanguageIdentifier:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
                self._loaded.set_languages(list(CANDIDATES))
            return self._loaded

    def name(self, text: str, votes: Counter[str], around: str = "") -> Named:
        """The language of a stretch that is not plainly English.

        ``votes`` are its frequent words by language; ``around`` the language that most of the
        prompt is in, which one witness is enough for. A supported language needs two witnesses.
        """
        ranked: dict[str, float] = {}
        for found, p in self._model.rank(text.lower()):
            code = SAME.get(str(found), str(found))
            ranked[code] = ranked.get(code, 0.0) + float(p)
        english = sum(ranked.pop(code, 0.0) for code in ENGLISH_LIKE)
        first = max(ranked, key=ranked.__getitem__)
        second = second_opinion(text)
        share = ranked[first] / max(1e-9, sum(ranked.values()))
        witnesses = [first] if share >= LIKELY else []
        if second and second not in ENGLISH_LIKE:
            witnesses.append(second)
        if sum(c not in _DOTTED for c in _VIETNAMESE.findall(text)) >= 2:
            votes = votes + Counter(vi=sum(votes.values()) + 1)
        most = max(votes.values(), default=0)
        voted = [code for code, n in votes.items() if n == most]
        if len(voted) == 1:
            witnesses.append(voted[0])
        agreed = first == second and ranked[first] >= SURE
        if around and self._belongs(around, first, agreed, text, (*witnesses, *voted)):
            return Named(around, english, second, agreed)
        if around and not agreed and ranked.get(around, 0.0) >= FAINT:
            return Named(around, english, second, agreed)
        if second == "hi" and not (first in ("mr", "ne") and share >= SURE):
            # the first model takes every fifth line of Hindi for a language that is near it
            witnesses.append("hi")
        return Named(self._settled(witnesses, voted), english, second, agreed)

    @staticmethod
    def _belongs(around: str, first: str, agreed: bool, text: str, heard: Container[str]) -> bool:
        """Whether a stretch is in the language around it: one witness says so, or nearly."""
        if first in RELATIVES.get(around, ()):
            return not agreed or len(text.split()) <= FEW
        return not agreed and around in heard

    def _settled(self, witnesses: list[str], voted: list[str]) -> str:
        for code, n in Counter(witnesses).most_common():
            # a tie of words for several languages supports the one that a model names
            if n >= 2 or (n == 1 and len(voted) > 1 and code in voted):
                return code
        strange = [code for code in reversed(witnesses) if code not in self._supported]
        return strange[0] if strange else UNSETTLED


UNSETTLED = "mis"
"""ISO 639's code for a language that has none: the witnesses name different ones."""


def second_opinion(text: str) -> str:
    """CLD2's code for ``text``, empty where it has none; about 20 µs."""
    import pycld2

    try:
        found = pycld2.detect(text.encode("utf-8", "replace"), isPlainText=True, bestEffort=True)
    except pycld2.error:
        # it refuses characters that stand for nothing
        return ""
    code = str(found[2][0][1])
    return SAME.get(code, code)


def _load() -> LanguageIdentifier:
    """``py3langid``'s model, read into memory.

    The package's own loader unpacks 65 MB into a temporary file in every process; this one
    writes none.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    spec = find_spec("py3langid")
    assert spec is not None and spec.origin is not None
    packed = Path(spec.origin).parent / MODEL_FILE
    with lzma.open(packed) as stream:
        unpacked = io.BytesIO(stream.read())
    with np.load(unpacked, allow_pickle=False) as data:
        return LanguageIdentifier(
            data["ptc"],
            data["pc"],
            data["classes"].tolist(),
            _plain(data["nextmove"]),
            data["out_feat"].tolist(),
            norm_probs=True,
            tk_row=_plain(data["nextmove_row"]),
        )


def _plain(numbers: NDArray[np.unsignedinteger[Any]]) -> array[int]:
    # single items of array.array are read several times faster than NumPy's
    found = array({2: "H", 4: "I", 8: "L"}[numbers.dtype.itemsize])
    found.frombytes(np.ascontiguousarray(numbers).tobytes())
    return found
