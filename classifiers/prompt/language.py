"""Which language each span is in, and whether the embedded model can judge it.

A model that does not know a language is worse than useless on it (an English encoder flags
half of all harmless Chinese prompts), so a span in such a language ends as ``skipped`` for the
whole prompt, and the policy decides. Detection joins three witnesses: the script, the words
that are no English ones, and an n-gram model over 140 languages (``py3langid``, BSD-3-Clause),
which is asked only about stretches that the words call foreign: on a few words of English with
a name in them it is wrong more often than right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.prompt.identify import ENGLISH_LIKE, UNSETTLED, Identifier
from classifiers.prompt.normalise import Vocabulary

SUPPORTED = ("en",)
"""Languages that the embedded model was measured on; see the model card."""
UNDETERMINED = "und"
FOREIGN_SCRIPT = 0.3
"""Share of non-Latin letters from which a text is not English, whatever else it holds."""
FOREIGN_SUM = 2.5
"""Weight of a stretch from which it may be another language: three words that are no English."""
VOTED_SUM = 2.15
"""The same where one of them is a frequent word of another language."""
DIGITS = 0.5
"""Weight of a word with digits in it: a code, or letters that somebody disguised."""
CLEAR_SUM = 4.0
"""Weight from which the n-gram model is hardly believed when it says English."""
NAMES_SUM = 3.6
"""Weight up to which a stretch that one model calls English, and the other nothing known, is a
few names in lower case."""
NAME, FIRST = 0.3, 0.6
"""Weight of an unknown word with a capital: inside a sentence, where it is most often a name,
and at its beginning."""
PERHAPS_ENGLISH, SURELY_ENGLISH = 0.3, 0.9
"""Share for English at which the n-gram model overrules the words; the second, where two or
more frequent words of one other language stand in the stretch."""
FAINT_SUM = 1.4
"""Weight from which two models that agree for sure are believed: two words that are no English."""
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(
    r"https?://\S+|(?<!\S)@\w+|\b[\w.-]+\.(?:com|net|org|io|ai|co|js|css|html|py|png|jpe?g|mp4)\b"
    r"(?:/\S*)?"
)
"""Addresses, account names and names of files: of no language."""

_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7af"),
    ("zh", "\u4e00", "\u9fff"),
    ("ru", "\u0400", "\u04ff"),
    ("ar", "\u0600", "\u06ff"),
    ("he", "\u0590", "\u05ff"),
    ("hi", "\u0900", "\u097f"),
    ("th", "\u0e00", "\u0e7f"),
    ("el", "\u0370", "\u03ff"),
)

_RUSSIAN = re.compile("[ыэё]", re.I)
_NOT_RUSSIAN = re.compile("[іїєґўђјљњћџѓќѕәғқңөұүһӣӯҳҷӑӗ]", re.I)
"""Letters of other languages in Cyrillic script; the first three are theirs only beside these."""
_SHARED = ("ru", "ar", "he", "hi", "el")
"""Those whose letters other languages are written in too."""

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
    "tl": "ang ng sa mga na ay isang at may non",
    "no": "og i det som på er av for med til den ikke en et jeg han hun ved uten",
    "sw": "na ya wa kwa ni katika la za cha kama hii yake",
    "af": "die en van in het is nie met vir op wat om te hy sy aan deur",
    "ca": "el la els les un una i és en amb per a del dels que no es amb",
    "ru": "и в не на что с по как это от из у за к его её их но а мы он она они для до под без "
    "над через при",
    "uk": "і в не на що з по як це від із у за до його її їх але а ми він вона вони для під без "
    "над через та й",
    "bg": "и в не на че с по как това от из за към му ѝ но а ние той тя те за до под без през се "
    "са да е си",
    "sr": "и у не на да са по као то од из за к његов њен али а ми он она они до под без кроз је "
    "се",
    "ar": "في من على إلى عن مع هذا هذه التي الذي كان ثم و لا ما بين أن",
    "fa": "در از به که با این آن را و است برای یک بر تا می هم",
    "ur": "کے کی کا میں سے اور ہے ہیں کو نے پر یہ ایک وہ",
    "hi": "के की का में से और है हैं को ने पर यह एक वह जो भी हो",
    "mr": "आणि आहे च्या ची चा मध्ये हे ती तो एक आहेत करून नाही",
    "ne": "र को छ मा ले लाई हो यो एक का छन् गर्दै पनि",
}
_FOREIGN: dict[str, tuple[str, ...]] = {}
"""The languages of each frequent word."""
for _code, _words in _FOREIGN_WORDS.items():
    for _word in dict.fromkeys(_words.split()):
        _FOREIGN[_word] = (*_FOREIGN.get(_word, ()), _code)
_AMBIGUOUS_LIST = (
    "a i is in on to no me he do at as by or so an die was war man hat kind am of and the it "
    "es que de la el se son come al au con sin pour plus los las des du van den het per un "
    "fin en o e dan mi di sa s le for av te ved to at may non"
)
_AMBIGUOUS = frozenset(_AMBIGUOUS_LIST.split())
"""Foreign frequent words that also occur in English prompts; they say nothing."""
_PLAIN_LIST = "a is in on to no me he do at as by or so an was of and the it come"
_PLAIN = frozenset(_PLAIN_LIST.split())
"""Those of them that are above all English."""
OURS = ("en", UNDETERMINED)
"""What every model reads."""


@dataclass(frozen=True, slots=True)
class Language:
    """``code`` is ISO 639-1 or ``und``; ``supported`` says whether the model may judge."""

    code: str
    supported: bool


@dataclass(frozen=True, slots=True)
class Run:
    """``text[start:end]`` in one language."""

    start: int
    end: int
    language: Language


class LanguageDetector:
    """Finds the languages of a text; 0.05 ms for plain English, 0.3 ms for other texts.

    A text without letters is ``und`` and supported: there is nothing in it that only another
    language could say. So is a name, or a loan word or two, inside English or alone. Thread-safe;
    the n-gram model is loaded when a text first needs it.
    """

    def __init__(self, words: Vocabulary, supported: Iterable[str] = SUPPORTED) -> None:
        self._words = words
        self._supported = frozenset((*supported, UNDETERMINED))
        self._identifier = Identifier(self._supported)

    def detect(self, text: str) -> Language:
        """The language of one span; of mixed ones the first that is not English."""
        found = self.runs(text)
        other = next((run.language for run in found if not run.language.supported), None)
        other = other or next((r.language for r in found if r.language.code not in OURS), None)
        return other or (found[0].language if found else Language(UNDETERMINED, True))

    def runs(self, text: str, around: str = "") -> list[Run]:
        """``text`` cut where the language changes, in order; together they cover all of it.

        Expects text in one script, as :func:`classifiers.prompt.spans.cut` makes it. A long
        stretch of words that are no English, in the midst of English, is a run of its own.
        ``around`` is the language that most of the prompt is in, where that is known.
        """
        letters = _LETTER.findall(text)
        if not letters:
            return [Run(0, len(text), Language(UNDETERMINED, True))]
        if sum(_non_latin(c) for c in letters) > FOREIGN_SCRIPT * len(letters):
            return [Run(0, len(text), self._language(self._by_script(text, letters, around)))]
        runs: list[Run] = []
        pending = [(0, len(text))]
        while pending:
            start, end = pending.pop()
            stretch = self._most_foreign(text[start:end], around)
            if stretch is None:
                code = "en" if _WORD.search(text, start, end) else UNDETERMINED
                runs.append(Run(start, end, self._language(code)))
                continue
            first, last, code = stretch
            runs.append(Run(start + first, start + last, self._language(code)))
            if _WORD.search(text, start, start + first):
                pending.append((start, start + first))
            if _WORD.search(text, start + last, end):
                pending.append((start + last, end))
        joined: list[Run] = []
        for run in sorted(runs, key=lambda run: run.start):
            if joined and joined[-1].language.code == run.language.code == "en":
                joined[-1] = Run(joined[-1].start, run.end, run.language)
            else:
                joined.append(run)
        return joined

    def supports(self, code: str) -> bool:
        """Whether the model may judge the language ``code``."""
        return code in self._supported

    def _language(self, code: str) -> Language:
        return Language(code, code in self._supported)

    def _most_foreign(self, text: str, around: str) -> tuple[int, int, str] | None:
        """The stretch with the largest sum of weights (Kadane), and the language that it is in.

        None where no stretch can be foreign; ``en`` where the words alone made it look so.
        """
        found = list(_WORD.finditer(text))
        shouted = text.upper() == text
        codes = [m.span() for m in _CODE.finditer(text)]
        weights = [
            (0.0, ()) if any(a <= m.start() < b for a, b in codes)
            else self._weight(m.group(), i == 0 or shouted)
            for i, m in enumerate(found)
        ]  # fmt: skip
        best, first, last = 0.0, 0, 0
        total, begun = 0.0, 0
        for at, (against, _) in enumerate(weights):
            if total <= 0:
                total, begun = 0.0, at
            total += against
            if total > best:
                best, first, last = total, begun, at + 1
        if best < FAINT_SUM:
            return None
        votes = Counter(code for _, codes in weights[first:last] for code in codes)
        start, end = found[first].start(), found[last - 1].end()
        named = self._identifier.name(text[start:end], votes, around)
        if best < (VOTED_SUM if votes else FOREIGN_SUM) and not named.agreed:
            return start, end, "en"
        sure = max(votes.values(), default=0) >= 2 or best >= CLEAR_SUM
        unsettled = named.second in ENGLISH_LIKE and named.code == UNSETTLED
        if unsettled and not votes and best < NAMES_SUM:
            # names in lower case: each model takes them for another language
            return start, end, "en"
        if named.english > (SURELY_ENGLISH if sure else PERHAPS_ENGLISH):
            return start, end, "en"
        return start, end, named.code

    def _weight(self, word: str, first: bool) -> tuple[float, tuple[str, ...]]:
        """How much a word speaks against English, and for which languages."""
        small = word.lower()
        codes = _FOREIGN.get(small, ())
        if small in _AMBIGUOUS:
            return (-0.5 if small in _PLAIN else 0.0 if small == "i" else 0.5), codes
        if codes:
            return 1.5, codes
        if (len(small) == 1 and small.isascii()) or small[0].isdigit():
            return 0.0, ()
        if any(char.isdigit() for char in small):
            return DIGITS, ()
        if self._words.of_prompts(small):
            return -1.0, ()
        if self._words.known(small):
            # the larger list is an encyclopedia's: it holds words of every language
            return -0.5, ()
        if word[0].isupper():
            return (FIRST if first else NAME), ()
        if not small.isascii():
            return 1.2, ()
        return 1.0, ()

    def _by_script(self, text: str, letters: list[str], around: str) -> str:
        """The language of a text that is not in Latin letters."""
        for code, first, last in _SCRIPTS:
            if any(first <= c <= last for c in letters):
                if code not in _SHARED:
                    return code
                break
        words = (m.group().lower() for m in _WORD.finditer(text))
        votes = Counter(code for word in words for code in _FOREIGN.get(word, ()))
        if _RUSSIAN.search(text) and not _NOT_RUSSIAN.search(text):
            votes["ru"] = sum(votes.values()) + 1
        return self._identifier.name(text, votes, around).code


def _non_latin(char: str) -> bool:
    # Latin letters with accents and the phonetic block end below U+0250; Vietnamese is 1E00-1EFF
    return ord(char) >= 0x250 and not 0x1E00 <= ord(char) <= 0x1EFF
