"""Disguises to test with: every way of hiding words that normalisation undoes.

Used by the robustness table of ``guarded-gen eval prompts`` and by the tests; never at work on
a request.
"""

from __future__ import annotations

import base64
import codecs
import random
from collections.abc import Callable, Mapping

_LOOKALIKE = str.maketrans("aeopcxyiABEHKMOPCTX", "аеорсхуіАВЕНКМОРСТХ")
_LEET = str.maketrans("aeiost", "431057")
_SIGNS = str.maketrans("aeis", "@3!$")
_SMALL = str.maketrans("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ")
_CODES = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- "
    ".-- -..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE = dict(zip("abcdefghijklmnopqrstuvwxyz0123456789", _CODES.split(), strict=True))


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if 33 <= ord(c) < 127 else c for c in text)


def _bold(text: str) -> str:
    return "".join(
        chr(0x1D400 + ord(c) - 65)
        if "A" <= c <= "Z"
        else chr(0x1D41A + ord(c) - 97)
        if "a" <= c <= "z"
        else c
        for c in text
    )


def _stretched(text: str) -> str:
    return "".join(c * 3 if c in "aeiou" else c for c in text)


def _doubled(text: str) -> str:
    return "".join(c * 2 if c in "aeiou" else c for c in text)


def _swapped(text: str) -> str:
    return " ".join(w[0] + w[2] + w[1] + w[3:] if len(w) > 3 else w for w in text.split())


def _shuffled(text: str) -> str:
    rng = random.Random(len(text))
    words = []
    for word in text.split():
        inner = list(word[1:-1])
        rng.shuffle(inner)
        words.append(word[0] + "".join(inner) + word[-1] if len(word) > 3 else word)
    return " ".join(words)


def _starred(text: str) -> str:
    return " ".join(w[0] + "*" + w[2:] if len(w) > 3 else w for w in text.split())


def _morse(text: str) -> str:
    words = [" ".join(_MORSE[c] for c in w if c in _MORSE) for w in text.lower().split()]
    return " / ".join(word for word in words if word)


DISGUISES: Mapping[str, Callable[[str], str]] = {
    "homoglyphs": lambda t: t.translate(_LOOKALIKE),
    "full_width": _full_width,
    "math_bold": _bold,
    "small_caps": lambda t: t.lower().translate(_SMALL),
    "zero_width": "\u200b".join,
    "combining_marks": lambda t: "".join(c + "\u0301\u0316\u0335\u0352" for c in t),
    "bidi_override": lambda t: "\u202e" + t[::-1] + "\u202c",
    "spaced": lambda t: "   ".join(" ".join(w) for w in t.split()),
    "spaced_evenly": " ".join,
    "dotted": lambda t: " ".join(".".join(w) for w in t.split()),
    "run_together": lambda t: t.replace(" ", ""),
    "leet_digits": lambda t: t.translate(_LEET),
    "leet_signs": lambda t: t.translate(_SIGNS),
    "starred": _starred,
    "stretched": _stretched,
    "doubled_vowels": _doubled,
    "swapped_letters": _swapped,
    "shuffled_letters": _shuffled,
    "reversed": lambda t: t[::-1],
    "reversed_words": lambda t: " ".join(w[::-1] for w in t.split()),
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "base64_twice": lambda t: base64.b64encode(base64.b64encode(t.encode())).decode(),
    "hex": lambda t: t.encode().hex(),
    "percent": lambda t: "".join(f"%{b:02x}" for b in t.encode()),
    "morse": _morse,
}
"""Name to function; each takes plain English text."""
