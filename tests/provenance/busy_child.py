"""A child that works for ever on whatever it is asked."""

from __future__ import annotations

from typing import Any

from provenance.isolated import serve


def burn(request: dict[str, Any]) -> dict[str, Any]:
    while True:
        pass


if __name__ == "__main__":
    serve(burn)
