"""What the outermost structure of a file shows, whatever its format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_REMOTE = re.compile(rb"dcterms:provenance\s*(?:=\s*[\"']|>)\s*([^\"'<\s]{1,2000})")


class ContainerBroken(ValueError):
    """The outermost structure does not hold together."""


class ContainerTooComplex(ContainerBroken):
    """The outermost structure is past a limit."""


@dataclass(frozen=True, slots=True)
class Box:
    """A BMFF box: type (four bytes), offset and size in bytes, size of its header."""

    kind: bytes
    offset: int
    size: int
    header: int


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Bytes that no hash of the manifest covers. ``blank`` means that they are all zero."""

    what: str
    offset: int
    size: int
    blank: bool
    appended: bool

    def to_json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "offset": self.offset,
            "size": self.size,
            "blank": self.blank,
            "appended": self.appended,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A range of the file, in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Container:
    """What the outermost structure shows.

    ``store_places`` are where the stores lie, headers of what holds them included;
    ``foreign`` are boxes of the C2PA type that hold no store; ``trailing`` is what stands after
    the last thing that belongs to the format.
    """

    stores: tuple[bytes, ...] = ()
    remote_url: str | None = None
    uncovered: tuple[Uncovered, ...] = ()
    boxes: tuple[Box, ...] = field(default=(), repr=False)
    fragmented: bool = False
    store_places: tuple[Place, ...] = ()
    foreign: tuple[Place, ...] = ()
    trailing: Place | None = None


def remote_in(xmp: bytes) -> str | None:
    """The server that XMP names for credentials (C2PA 2.4, section 11.5)."""
    match = _REMOTE.search(xmp)
    return match.group(1).decode("utf-8", "replace") if match else None
