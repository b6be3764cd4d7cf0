"""Canonical JSON (RFC 8785), fast where ``orjson`` already writes it.

It differs from RFC 8785 in how it writes some numbers (``1.0``, ``1e-05``) and how it sorts keys
outside the basic plane. Values in which neither can occur are taken as it writes them; anything
else goes through the ``rfc8785`` library. RFC 8785 has no integers past 2**53; they
are written as decimal strings, so that no digit of a seed is lost.
"""

from __future__ import annotations

from typing import Any

import orjson
import rfc8785

from guarded_gen.errors import InvalidInput

MAX_SAFE_INTEGER = 2**53 - 1

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def canonical(value: Any) -> bytes:
    """``value`` (JSON types only) as canonical UTF-8; raises :class:`InvalidInput`."""
    try:
        if _usual(value):
            data = orjson.dumps(value, None, _OPTIONS)
            if data.isascii():
                return data
        return rfc8785.dumps(_exact(value))
    except (TypeError, ValueError, rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidInput(f"not a JSON value that the log can hold: {error}") from error


def _usual(value: Any) -> bool:
    """Whether orjson writes every number in the value as RFC 8785 does."""
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict:
            stack.extend(item.values())
        elif kind is list or kind is tuple:
            stack.extend(item)
        elif kind is int:
            if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                return False
        elif kind is not float or not 1e-4 <= abs(item) < 1e16 or item == int(item):
            return False
    return True


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return str(value)
    return value
