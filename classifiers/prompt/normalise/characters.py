"""Characters: what looks like a letter becomes that letter, what is invisible goes.

Unicode NFKC (UAX #15), default-ignorable and bidirectional controls (UAX #9), combining marks
past what any script stacks, confusables (UTS #39, through ``confusable_homoglyphs``), letter
variants that NFKC keeps, and emoji as words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache

from classifiers.prompt.normalise.traced import Traced

MAX_MARKS = 2
"""Marks kept on one letter; no living script needs more, ``zalgo`` text has dozens."""

_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061"
    "\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\u3164\ufeff\uffa0\ufff9\ufffa\ufffb"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_FLIPPED = dict(zip("ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", "abcdefghijklmnopqrstuvwxyz", strict=True))
TURNED = 0.25
"""Share of letters that only upside-down text has from which a text stands on its head."""
_ONLY_TURNED = frozenset(char for char in _FLIPPED if not char.isascii())
_SMALL_CAPS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
_EMOJI = {
    "🍆": "penis",
    "🍑": "buttocks",
    "💦": "wet",
    "🥒": "penis",
    "🌮": "vagina",
    "🍒": "breasts",
    "👅": "lick",
    "😈": "naughty",
    "🔞": "adults only sex",
    "💊": "drug pill",
    "💉": "injection",
    "🍁": "leaf",
    "❄️": "snow",
    "🔪": "knife",
    "🗡️": "dagger",
    "🔫": "gun",
    "💣": "bomb",
    "🩸": "blood",
    "☠️": "dead skull",
    "💀": "dead skull",
    "⚰️": "coffin",
    "🧨": "dynamite",
    "👙": "bikini",
    "🩲": "underwear",
    "🍼": "baby",
    "🪢": "rope",
    "🥵": "horny hot face",
    "🖕": "fuck you",
    "👶": "baby",
    "👧": "little girl",
    "👦": "little boy",
    "🔥": "fire",
}
"""Emoji whose use says more, or other, than their Unicode name."""
_EMOJI_RE = re.compile(
    "[\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001faff"
    "\u2600-\u27bf\u2b50\u2b55\u26a0]\ufe0f?"
)
ORNAMENT = 3
"""Times from which one emoji is an ornament."""
_SQUARED = {chr(0x1F130 + i): chr(97 + i) for i in range(26)} | {
    chr(base + i): chr(97 + i) for base in (0x1F150, 0x1F170, 0x1F1E6) for i in range(26)
}
_SQUARED |= dict(zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵⠀",
                     "abcdefghijklmnopqrstuvwxyz ", strict=True))  # fmt: skip
"""Squared and negative circled letters, regional indicators, and Braille (grade 1)."""


_FLAG = "\U0001f3f4"
_HIDDEN = re.compile(
    f"{_FLAG}?[\U000e0001\U000e0020-\U000e007f]+|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{{2,}}"
)
_REGION = re.compile(r"[a-z]{2}[a-z0-9]{1,4}")


def invisible(char: str) -> bool:
    """Whether a character shows nothing: format controls, fillers, tags, variation selectors."""
    if char in _INVISIBLE:
        return True
    code = ord(char)
    if 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE0FFF:
        return True
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in "\n\t\r"


def spell_hidden(text: Traced) -> tuple[Traced, int]:
    """Text that is hidden in invisible characters, spelt out on lines of its own; how many words.

    Tag characters (U+E0020 to U+E007E) repeat ASCII, and runs of variation selectors can carry
    bytes; models read both. Of a flag (an emoji with a region in tags) nothing is left.
    """
    found = 0

    def spell(match: re.Match[str]) -> str:
        nonlocal found
        run = match.group()
        if run[0] == _FLAG:
            region = "".join(chr(ord(c) - 0xE0000) for c in run[1:-1])
            if _REGION.fullmatch(region):
                return " "
            run = run[1:]
        if 0xE0000 <= ord(run[0]) <= 0xE007F:
            said = "".join(chr(ord(c) - 0xE0000) for c in run if 0xE0020 <= ord(c) < 0xE007F)
        else:
            said = bytes(
                ord(c) - 0xFE00 if ord(c) < 0xE0100 else ord(c) - 0xE0100 + 16 for c in run
            ).decode("utf-8", "ignore")
        words = len(re.findall(r"[^\W\d_]+", said))
        found += words
        return f"\n{said}\n" if words else ""

    return text.replace(_HIDDEN, spell), found


def turn_over(text: Traced) -> tuple[Traced, int]:
    """Text that stands on its head, on its feet again and from left to right; how many words."""
    letters = [char for char in text.text if char.isalpha()]
    if sum(char in _ONLY_TURNED for char in letters) <= TURNED * len(letters):
        return text, 0
    turned = text.mapped(lambda char: _FLIPPED.get(char, char)).reversed()
    return turned, len(turned.text.split())


def drop_invisible(text: Traced) -> tuple[Traced, int]:
    """Without invisible characters, and how many there were; tabs become spaces."""
    dropped = 0

    def change(char: str) -> str:
        nonlocal dropped
        if char in "\n\r\u2028\u2029\x0b\x0c\x85":
            # a line's end parts two spans
            return "\n"
        if char == "\t":
            return " "
        if invisible(char):
            dropped += 1
            return ""
        return char

    return text.mapped(change), dropped


def drop_marks(text: Traced) -> tuple[Traced, int]:
    """Without combining marks past :data:`MAX_MARKS` in a row, and how many were dropped."""
    chars: list[str] = []
    origin: list[int] = []
    run = dropped = 0
    for char, at in zip(text.text, text.origin, strict=True):
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if run > MAX_MARKS or unicodedata.category(char) == "Me":
            dropped += 1
            continue
        chars.append(char)
        origin.append(at)
    if dropped:
        # on a text that is drowned in marks, the few that remain are no spelling either
        bare = [(c, o) for c, o in zip(chars, origin, strict=True) if not unicodedata.combining(c)]
        chars, origin = [c for c, _ in bare], [o for _, o in bare]
    return Traced("".join(chars), tuple(origin)), dropped


def compose(text: Traced) -> Traced:
    """NFKC, character cluster by character cluster so that origins stay right."""
    if text.text.isascii():
        return text
    parts: list[tuple[str, list[int]]] = []
    cluster, at = "", 0
    for char, where in zip(text.text, text.origin, strict=True):
        if cluster and unicodedata.combining(char):
            cluster += char
            continue
        if cluster:
            new = unicodedata.normalize("NFKC", cluster)
            parts.append((new, [at] * len(new)))
        cluster, at = char, where
    if cluster:
        new = unicodedata.normalize("NFKC", cluster)
        parts.append((new, [at] * len(new)))
    return Traced.join(parts)


@cache
def latin_twin(char: str) -> str:
    """The ASCII letters that ``char`` looks like; the character itself when there are none."""
    from confusable_homoglyphs import confusables

    if char.isascii():
        return char
    for table in (_SMALL_CAPS, _FLIPPED, _SQUARED):
        if char in table:
            return table[char]
    found = confusables.confusables_data.get(char, [])
    for item in found:
        twin = item["c"]
        if twin.isascii() and twin.isalpha():
            return twin.lower() if char.islower() else twin
    bare = unicodedata.normalize("NFD", char)
    if len(bare) > 1 and bare[0] != char and not unicodedata.category(bare[0]).startswith("M"):
        base = latin_twin(bare[0])
        if base.isascii():
            return base
    return char


def script(char: str) -> str:
    """``latin``, another script's name in lower case, or an empty string for no letter."""
    if not char.isalpha():
        return ""
    if char.isascii():
        return "latin"
    return unicodedata.name(char, "unknown").split(" ")[0].lower()


_WORD = re.compile(r"[^\W_]+")


def undo_confusables(text: Traced) -> tuple[Traced, int]:
    """Latin twins for the look-alikes in words that mix Latin with another script; their number."""
    changed = 0

    def change(match: re.Match[str]) -> str:
        nonlocal changed
        word = match.group()
        # letters with an accent are spelling, not disguise; so is Latin beside kana or Hangul
        if all(map(_accented, unicodedata.normalize("NFC", word))) or _written_solid(word):
            return word
        scripts = {script(c) for c in word} - {""}
        if len(scripts) < 2 and scripts != {"latin"}:
            return word
        new = "".join(latin_twin(c) for c in word)
        changed += new != word
        return new

    return text.replace(_WORD, change), changed


def undo_foreign_letters(text: Traced, known: Callable[[str], bool]) -> tuple[Traced, int]:
    """Words all in letters of another script that are English in disguise; their number.

    So are letters with a dot or hook that English never has: ``ḳịḷḷ``, but not Vietnamese.
    A Russian word can happen to be made of look-alikes (``рот`` is a mouth, and no pot). So words
    of one other script that stand beside each other are changed together, and only where nearly all
    their letters come out in words that are ``known``.
    """
    chosen: dict[int, str] = {}
    accented: list[tuple[int, str, str]] = []
    group: list[tuple[int, str, str]] = []
    before = ""

    def settle(words: list[tuple[int, str, str]]) -> None:
        letters = sum(len(word) for _, word, _ in words)
        clear = sum(len(word) for _, word, new in words if new.isascii() and known(new))
        if words and clear >= NEARLY_ALL * letters:
            chosen.update((at, new) for at, _, new in words if new.isascii())
        words.clear()

    for match in _WORD.finditer(text.text):
        word = match.group()
        scripts = {script(c) for c in word} - {""}
        mine = next(iter(scripts)) if len(scripts) == 1 else ""
        if mine != before:
            settle(group)
        before = mine
        if mine == "latin":
            if max(word) >= "\u1e00":
                accented.append((match.start(), word, "".join(map(latin_twin, word))))
        elif mine and not _written_solid(word):
            group.append((match.start(), word, "".join(map(latin_twin, word))))
    settle(group)
    settle(accented)
    if not chosen:
        return text, 0
    return text.replace(_WORD, lambda m: chosen.get(m.start(), m.group())), len(chosen)


def _accented(char: str) -> bool:
    """Whether a letter is Latin as some language spells it; U+1E00 on is Vietnamese above all."""
    return ord(char) < 0x250 or 0x1E00 <= ord(char) <= 0x1EFF


def _written_solid(word: str) -> bool:
    return any(0x2E80 <= ord(c) <= 0xD7FF for c in word)


NEARLY_ALL = 0.8
"""Share of letters that must come out in known words."""


def emoji_words(text: Traced) -> tuple[Traced, int]:
    """Emoji as the words that they stand for, between spaces; with their number.

    One that stands between all words is an ornament, or there to part them: it is read once, and
    only where it is known to say more than its name.
    """
    if text.text.isascii():
        return text, 0
    count = 0
    told: set[str] = set()
    seen = Counter(_EMOJI_RE.findall(text.text))

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        name = _EMOJI.get(found) or _EMOJI.get(found[0])
        if seen[found] >= ORNAMENT:
            if name is None or found in told:
                return " "
            told.add(found)
        if name is None:
            name = unicodedata.name(found[0], "").lower()
        if not name:
            return found
        count += 1
        return f" {name} "

    return text.replace(_EMOJI_RE, change), count


def squared_letters(text: Traced) -> Traced:
    """Letters in squares, circles and flags as plain letters."""
    if text.text.isascii():
        return text
    return text.mapped(lambda c: _SQUARED.get(c, c))
