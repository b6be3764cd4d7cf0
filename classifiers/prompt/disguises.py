"""Disguises to test with: every way of hiding words that normalisation undoes.

Used by the robustness table of ``guarded-gen eval prompts`` and by the tests; never at work on
a request.
"""

from __future__ import annotations

import base64
import codecs
import json
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
_FLIPPED = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz")
_BRAILLE_CODES = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵"
_BRAILLE = dict(zip("abcdefghijklmnopqrstuvwxyz", _BRAILLE_CODES, strict=True))
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


def _tags(text: str) -> str:
    """The text in Unicode tag characters, behind a harmless word."""
    return "sunset" + "".join(chr(0xE0000 + ord(c)) for c in text if 32 <= ord(c) < 127)


def _letters(text: str, first: int) -> str:
    return "".join(chr(first + ord(c) - 97) if "a" <= c <= "z" else c for c in text.lower())


def _braille(text: str) -> str:
    return "".join(_BRAILLE.get(c, c) for c in text.lower())


def _upside_down(text: str) -> str:
    return text.lower().translate(_FLIPPED)[::-1]


def _mixed_case(text: str) -> str:
    return "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(text))


def _no_vowels(text: str) -> str:
    return " ".join(w[0] + "".join(c for c in w[1:] if c not in "aeiou") for w in text.split())


def _hyphenated(text: str) -> str:
    return " ".join(w[: len(w) // 2] + "-" + w[len(w) // 2 :] if len(w) > 3 else w
                    for w in text.split())  # fmt: skip


def _dashes(text: str) -> str:
    return " ".join("-".join(w) for w in text.split())


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
    "tags": _tags,
    "regional_indicators": lambda t: " ".join(
        "\u200b".join(_letters(w, 0x1F1E6)) for w in t.split()
    ),
    "circled": lambda t: _letters(t, 0x24D0),
    "squared": lambda t: _letters(t, 0x1F130),
    "braille": _braille,
    "upside_down": _upside_down,
    "mixed_case": _mixed_case,
    "one_word_a_line": lambda t: "\n".join(t.split()),
    "one_letter_a_line": lambda t: "\n\n".join("\n".join(w) for w in t.split()),
    "json_list": lambda t: json.dumps({"words": t.split()}),
    "json_values": lambda t: json.dumps({f"part{n}": w for n, w in enumerate(t.split())}),
    "hyphenated": _hyphenated,
    "dashes": _dashes,
    "underscores": lambda t: "_".join(t.split()),
    "emoji_between": lambda t: " \U0001f338 ".join(t.split()),
    "vowels_dropped": _no_vowels,
    "binary": lambda t: " ".join(f"{b:08b}" for b in t.encode()),
    "html_entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "unicode_escapes": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "soft_hyphens": "\u00ad".join,
}
"""Name to function; each takes plain English text."""
