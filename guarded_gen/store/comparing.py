"""Comparing what a stranger sent with a secret, in constant time."""

from __future__ import annotations

import hmac


def same_secret(ours: str, given: str) -> bool:
    """Whether they are equal. The library's own comparison of texts raises ``TypeError`` for one
    with a letter outside ASCII, which anybody can send."""
    return hmac.compare_digest(
        ours.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass")
    )
