"""Spans that hide text in an encoding: base64, hex, percent, binary, Morse, rot13."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from urllib.parse import unquote

from classifiers.prompt.normalise.traced import Traced

MIN_DECODED = 4
"""Shorter results are chance: ``cafe`` is valid hex and valid base64."""
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{8,}={0,2}(?![\w+/=])")
_HEX = re.compile(r"(?<!\w)(?:0x)?(?:[0-9a-fA-F]{2}[\s:,]?){5,}(?!\w)|(?:\\x[0-9a-fA-F]{2}){4,}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}|[A-Za-z0-9]){4,}")
_BINARY = re.compile(r"(?<!\w)(?:[01]{8}\s?){4,}(?!\w)")
_MORSE = re.compile(r"(?:[.\-·–—]{1,5}[ /|]+){3,}[.\-·–—]{1,5}")
_ENTITY = re.compile(r"(?:&#x?[0-9a-fA-F]+;){3,}|(?:\\u[0-9a-fA-F]{4}){3,}")
_LETTERS = (
    "a.- b-... c-.-. d-.. e. f..-. g--. h.... i.. j.--- k-.- l.-.. m-- n-. o--- p.--. q--.- r.-. "
    "s... t- u..- v...- w.-- x-..- y-.-- z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... "
    "7--... 8---.. 9----."
)
_CODE = {item[1:]: item[0] for item in _LETTERS.split()}


def _printable(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    plain = [c for c in text if c.isprintable() or c in "\n\t "]
    letters = sum(c.isalpha() or c == " " for c in text)
    if len(text) < MIN_DECODED or len(plain) != len(text) or letters < 0.7 * len(text):
        return None
    return text


def _base64(found: str) -> str | None:
    if found.isalpha() and (found.islower() or found.istitle()):
        return None
    body = found.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _printable(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def _hex(found: str) -> str | None:
    digits = re.sub(r"0x|\\x|[\s:,]", "", found)
    return _printable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None


def _percent(found: str) -> str | None:
    if found.count("%") < 2:
        return None
    return _printable(unquote(found, errors="replace").encode())


def _binary(found: str) -> str | None:
    bits = "".join(found.split())
    return _printable(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _morse(found: str) -> str | None:
    plain = found.translate(str.maketrans("·–—|", ".--/"))
    words = [
        [_CODE.get(code, "\0") for code in word.split()] for word in re.split(r"/|\s{3,}", plain)
    ]
    text = " ".join("".join(letters) for letters in words if letters)
    return text if "\0" not in text and len(text) >= MIN_DECODED else None


def _entity(found: str) -> str | None:
    codes = re.findall(r"&#(x?)([0-9a-fA-F]+);|\\u([0-9a-fA-F]{4})", found)
    try:
        text = "".join(
            chr(int(escape, 16) if escape else int(number, 16 if is_hex else 10))
            for is_hex, number, escape in codes
        )
    except (ValueError, OverflowError):
        return None
    return _printable(text.encode("utf-8", "replace"))


_KINDS = (
    ("morse", _MORSE, _morse),
    ("binary", _BINARY, _binary),
    ("hex", _HEX, _hex),
    ("escape", _ENTITY, _entity),
    ("percent", _PERCENT, _percent),
    ("base64", _BASE64, _base64),
)


def decode_spans(text: Traced) -> tuple[Traced, tuple[str, ...]]:
    """Every encoded span replaced by what it says, one layer; with the kinds found."""
    kinds: list[str] = []
    for kind, pattern, decode in _KINDS:
        if kind == "base64" and len(text.text) < 8:
            continue

        def change(match: re.Match[str], decode=decode, kind=kind) -> str:  # type: ignore[no-untyped-def]
            found = match.group()
            said = decode(found.strip())
            if said is None:
                return found
            kinds.append(kind)
            return f" {said.strip()} "

        text = text.replace(pattern, change)
    return text, tuple(dict.fromkeys(kinds))


def rot13(text: Traced) -> Traced:
    return Traced(codecs.encode(text.text, "rot13"), text.origin)
