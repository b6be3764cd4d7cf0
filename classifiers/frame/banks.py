"""Hash banks: lists of known content, and the index that finds a frame in a million of them.

A bank is a list of items; an item is a picture or a video as PDQ hashes of its frames, or a sound
as fingerprints of its seconds. Banks come from sources that can change while we run
(:class:`BankSource`): a folder of files in ThreatExchange's exchange format, or a database. We
ship no list.

The file format is that of ThreatExchange's local file exchange: one signal a line, its type
first: ``pdq <64 hex digits>``, or ``vpdq ["<hex>,<quality>,<seconds>", …]``. A file
``NAME.txt`` has a ``NAME.toml`` beside it that says what the bank is for (:class:`BankInfo`).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.errors import ClassifierError
from classifiers.frame.hamming import PdqIndex
from classifiers.frame.resembling import KeypointIndex
from media.hashing import MATCH_DISTANCE, MIN_QUALITY, from_hex, to_hex
from media.keypoints import Keypoints, Places
from media.soundprint import MATCH_DISTANCE as SOUND_DISTANCE

MAX_LINE = 4 * 1024**2
"""Longest line read, in bytes: a vPDQ signal of a three-hour film at one frame a second."""


class BankInvalid(ClassifierError):
    """A bank's file or description cannot be read."""

    code = "bank_invalid"


class BankAction(StrEnum):
    """What a match in a bank is worth: scores that policies have thresholds for."""

    BLOCK = "block"
    REVIEW = "review"
    OWN = "own"


class ItemKind(StrEnum):
    """What an item's hashes are of: pictures (PDQ), parts of pictures (:mod:`media.keypoints`), or
    sound (:mod:`media.soundprint`)."""

    PICTURE = "picture"
    KEYPOINTS = "keypoints"
    SOUND = "sound"


class BankInfo(BaseModel):
    """What a bank is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    category: str = Field("hash_match", description="category of harm of what the bank lists")
    action: BankAction = Field(BankAction.BLOCK, description="block, review, or own (our output)")
    source: str = Field("", description="who gave it, under which terms")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture, video or sound: hashes ``uint8 [N, 32]``; ``frame`` ``int32 [N]`` says of which
    frame each is, for variants of one frame share its number; of a sound, of which window.
    Keypoints have ``places`` ``uint16 [N, 4]`` beside their codes."""

    id: str
    hashes: NDArray[np.uint8]
    frame: NDArray[np.int32]
    kind: ItemKind = ItemKind.PICTURE
    places: Places | None = None

    @property
    def frames(self) -> int:
        return len(np.unique(self.frame))


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank with its items."""

    info: BankInfo
    items: tuple[Item, ...]


class BankSource(Protocol):
    """Where banks come from. ``version`` is cheap and changes whenever ``load`` would."""

    def version(self) -> str: ...

    def load(self) -> list[Bank]: ...


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Banks in a folder, in the exchange format. A folder that is not there holds none."""

    folder: Path

    def version(self) -> str:
        if not self.folder.is_dir():
            return ""
        marks = []
        for file in sorted(self.folder.iterdir()):
            if file.suffix in {".txt", ".toml"}:
                stat = file.stat()
                marks.append(f"{file.name}:{stat.st_mtime_ns}:{stat.st_size}")
        return "|".join(marks)

    def load(self) -> list[Bank]:
        """Every bank of the folder; raises :class:`BankInvalid` for the first that is wrong."""
        if not self.folder.is_dir():
            return []
        return [self._read(file) for file in sorted(self.folder.glob("*.txt"))]

    def _read(self, file: Path) -> Bank:
        beside = file.with_suffix(".toml")
        try:
            given = tomllib.loads(beside.read_text("utf-8")) if beside.is_file() else {}
            info = BankInfo(name=file.stem, **given)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, TypeError) as error:
            raise BankInvalid(f"{beside.name}: {error}", "correct the bank's description") from (
                error
            )
        with file.open(encoding="utf-8", errors="replace") as lines:
            return Bank(info, tuple(read_exchange(lines, file.name)))


def read_exchange(lines: Iterable[str], name: str = "bank") -> Iterator[Item]:
    """Items of a file in the exchange format; other signal types are passed over.

    Raises :class:`BankInvalid` with the number of the first line that is wrong: half a list
    of known content must not pass for the whole.
    """
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise BankInvalid(f"{name}, line {number}: longer than {MAX_LINE} bytes")
        kind, _, signal = line.strip().partition(" ")
        try:
            if kind == "pdq":
                yield item_of(signal, [(0, from_hex(signal.strip()), 100)])
            elif kind == "vpdq":
                found = [_feature(k, text) for k, text in enumerate(json.loads(signal))]
                if not found:
                    raise ValueError("no frame")
                item = item_of(f"vpdq:{to_hex(found[0][1])}", found)
                if len(item.hashes):
                    yield item
            elif kind == SOUND_LINE:
                yield _sound(signal)
        except (ValueError, TypeError, AttributeError) as error:
            raise BankInvalid(
                f"{name}, line {number}: {error}", "get the list again, or remove the line"
            ) from error


SOUND_LINE = "gg-sound"
"""The type of our own lines: ``gg-sound ["<hex>,<window>", …]``, see :mod:`media.soundprint`.
Other tools pass over types that they do not know."""


def _sound(signal: str) -> Item:
    rows = [text.split(",") for text in json.loads(signal)]
    hashes = [from_hex(digest) for digest, _ in rows]
    if not hashes:
        raise ValueError("no window")
    windows = np.array([int(number) for _, number in rows], np.int32)
    return Item(f"sound:{rows[0][0]}", np.stack(hashes), windows, ItemKind.SOUND)


def _feature(number: int, text: str) -> tuple[int, NDArray[np.uint8], int]:
    digest, quality, _ = text.split(",")
    return number, from_hex(digest), int(quality)


def item_of(id: str, found: Sequence[tuple[int, NDArray[np.uint8], int]]) -> Item:
    """An item of (frame number, hash, quality); plain frames and repeats are left out."""
    seen: set[tuple[int, bytes]] = set()
    hashes, frames = [], []
    for frame, digest, quality in found:
        mark = (frame, digest.tobytes())
        if quality >= MIN_QUALITY and mark not in seen:
            seen.add(mark)
            hashes.append(digest)
            frames.append(frame)
    return Item(id, np.array(hashes, np.uint8).reshape(-1, 32), np.array(frames, np.int32))


def write_exchange(items: Iterable[Item]) -> Iterator[str]:
    """Lines of the exchange format: the plain hash of each frame, without our variants.

    Keypoints stay here: a rough likeness of the picture could be made back from them.
    """
    for item in items:
        if item.kind is ItemKind.KEYPOINTS:
            continue
        if item.kind is ItemKind.SOUND:
            windows = [f"{to_hex(h)},{n}" for h, n in zip(item.hashes, item.frame, strict=True)]
            yield f"{SOUND_LINE} {json.dumps(windows)}"
            continue
        _, first = np.unique(item.frame, return_index=True)
        if len(first) == 1:
            yield f"pdq {to_hex(item.hashes[first[0]])}"
        else:
            rows = [f"{to_hex(item.hashes[k])},100,{item.frame[k]:.3f}" for k in first]
            yield f"vpdq {json.dumps(rows)}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An item in the library: its bank, how many frames it has, and what they are known by."""

    bank: BankInfo
    id: str
    frames: int
    kind: ItemKind = ItemKind.PICTURE


class Library:
    """All banks of all sources; of a source that changed only its own part is loaded anew."""

    def __init__(self, sources: Sequence[BankSource], kind: ItemKind = ItemKind.PICTURE) -> None:
        self._sources, self._kind = tuple(sources), kind
        self._parts: dict[int, tuple[str, LibraryPart]] = {}
        self._view: LibraryView | None = None

    def view(self) -> LibraryView:
        """The library as it stands now. Cheap while nothing changed.

        Raises :class:`BankInvalid` when a source cannot be read.
        """
        changed = self._view is None
        for number, source in enumerate(self._sources):
            version = source.version()
            known = self._parts.get(number)
            if known is None or known[0] != version:
                self._parts[number] = (version, LibraryPart(source.load(), self._kind))
                changed = True
        if self._view is None or changed:
            self._view = LibraryView([self._parts[n][1] for n in range(len(self._sources))])
        return self._view


class LibraryPart:
    """The banks of one source with items of one kind, behind one index; never changes."""

    def __init__(self, banks: Sequence[Bank], kind: ItemKind = ItemKind.PICTURE) -> None:
        self.banks = tuple(
            bank.info for bank in banks if any(item.kind is kind for item in bank.items)
        )
        self.entries: list[Entry] = []
        hashes, owner, frame = [], [], []
        for bank in banks:
            for item in bank.items:
                if item.kind is not kind:
                    continue
                hashes.append(item.hashes)
                frame.append(item.frame)
                owner.append(np.full(len(item.hashes), len(self.entries), np.int32))
                self.entries.append(Entry(bank.info, item.id, item.frames))
        none = np.zeros(0, np.int32)
        bits = SOUND_DISTANCE if kind is ItemKind.SOUND else MATCH_DISTANCE
        together = np.concatenate(hashes) if hashes else np.zeros((0, 32), np.uint8)
        self._index = PdqIndex(together, bits)
        self._owner = np.concatenate(owner) if owner else none
        self._frame = np.concatenate(frame) if frame else none
        self.pictures = self._pictures(banks) if kind is ItemKind.PICTURE else KeypointIndex([])

    def _pictures(self, banks: Sequence[Bank]) -> KeypointIndex:
        """The keypoints of the same banks; each item of them is an entry too."""
        found = []
        for bank in banks:
            for item in bank.items:
                if item.kind is not ItemKind.KEYPOINTS or item.places is None:
                    continue
                for frame in np.unique(item.frame).tolist():
                    of = item.frame == frame
                    points = Keypoints(item.hashes[of], item.places[of])
                    found.append((len(self.entries), frame, points))
                self.entries.append(Entry(bank.info, item.id, item.frames, item.kind))
        return KeypointIndex(found)

    def __len__(self) -> int:
        return len(self._owner)

    def matches(self, digest: NDArray[np.uint8]) -> list[tuple[int, int]]:
        """(entry number, frame of the item) of each hash that matches ``uint8 [32]``."""
        found = self._index.query(digest)
        return list(zip(self._owner[found].tolist(), self._frame[found].tolist(), strict=True))


class LibraryView:
    """An unchanging state of the library."""

    def __init__(self, parts: Sequence[LibraryPart]) -> None:
        self._parts = tuple(parts)
        self.banks = tuple(info for part in parts for info in part.banks)
        self.entries: list[Entry] = [entry for part in parts for entry in part.entries]

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def look_up(self, hashes: NDArray[np.uint8]) -> dict[int, set[int]]:
        """Matches of any of ``uint8 [N, 32]``: entry number to the item's frames that match."""
        found: dict[int, set[int]] = {}
        first = 0
        for part in self._parts:
            for digest in hashes:
                for entry, frame in part.matches(digest):
                    found.setdefault(first + entry, set()).add(frame)
            first += len(part.entries)
        return found

    @property
    def pictures(self) -> int:
        """How many pictures are known by their keypoints."""
        return sum(len(part.pictures) for part in self._parts)

    def resembling(self, seen: Sequence[Keypoints]) -> dict[int, set[int]]:
        """What a picture shows by its keypoints, given as it is and mirrored: entry number to the
        item's frames."""
        found: dict[int, set[int]] = {}
        first = 0
        for part in self._parts:
            for points in seen:
                for entry, frame in part.pictures.look_up(points):
                    found.setdefault(first + entry, set()).add(frame)
            first += len(part.entries)
        return found
