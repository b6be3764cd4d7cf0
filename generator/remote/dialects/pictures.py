"""Pictures as servers of JSON take them."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path


def data_url(picture: Path) -> str:
    """A picture as ``data:image/…;base64,…``."""
    kind = mimetypes.guess_type(picture.name)[0] or "image/png"
    return f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode('ascii')}"
