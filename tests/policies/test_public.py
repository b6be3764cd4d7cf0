"""What the room shows to the others."""

from __future__ import annotations

import policies


def test_every_public_name_exists_and_is_documented() -> None:
    assert policies.__all__ == sorted(policies.__all__)
    for name in policies.__all__:
        value = getattr(policies, name)
        if not isinstance(value, str):
            assert (value.__doc__ or "").strip(), name
