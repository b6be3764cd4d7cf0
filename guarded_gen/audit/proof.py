"""Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2) and C2SP tlog-proof.

Proofs are made from tiles: a perfect subtree of height ``h`` lies in one tile of level ``h // 8``,
so a proof in a log of a million entries reads three tiles.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from guarded_gen.audit.errors import BadNote, BadProof
from guarded_gen.audit.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    leaf_hash,
    node_hash,
    perfect_root,
    split_hashes,
)
from guarded_gen.audit.note import Checkpoint, Verifier, open_note

ReadTile = Callable[[int, int], bytes]
"""``(level, n)`` to the tile's hashes; as many as the tree has, for the right edge."""

HEADER = "c2sp.org/tlog-proof@v1"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_PATH = 63


class Prover:
    """Proofs about trees whose tiles ``read`` gives. Remembers the tiles that it has read."""

    def __init__(self, read: ReadTile) -> None:
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The path of leaf ``index`` in the tree of ``size``, from the leaf's sibling upwards."""
        if not 0 <= index < size:
            raise BadProof(f"a tree of {size} has no leaf {index}")
        path = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of ``old`` is a prefix of the tree of ``new``."""
        if not 0 <= old <= new:
            raise BadProof(f"a tree of {new} cannot contain one of {old}")
        if old in (0, new):
            return []
        path = []
        start, end, whole = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._range(start, end))
        return path[::-1]

    def beside(self, start: int, end: int, size: int) -> list[bytes]:
        """The roots of the subtrees beside the leaves ``start`` to ``end`` (exclusive) in the tree
        of ``size``, from left to right: with those leaves they give its root."""
        if not 0 <= start < end <= size:
            raise BadProof(f"a tree of {size} has no leaves {start} to {end}")
        found = []
        todo = [(0, size)]
        while todo:
            low, high = todo.pop()
            if high <= start or low >= end:
                found.append(self._range(low, high))
            elif low < start or high > end:
                middle = low + _split(high - low)
                todo += [(middle, high), (low, middle)]
        return found

    def root(self, size: int) -> bytes:
        """The root of the tree of this size."""
        if size == 0:
            return EMPTY_ROOT
        return self._range(0, size)

    def _range(self, start: int, end: int) -> bytes:
        width = end - start
        if width & (width - 1) == 0 and start % width == 0:
            return self._node(width.bit_length() - 1, start // width)
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _node(self, height: int, index: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        first = index << rest
        n, at = divmod(first, TILE_WIDTH)
        tile = self._tiles.get((level, n))
        if tile is None:
            tile = self._tiles[level, n] = self._read(level, n)
        hashes = split_hashes(tile[at * HASH_BYTES : (at + (1 << rest)) * HASH_BYTES])
        if len(hashes) != 1 << rest:
            raise BadProof(f"tile {level}/{n} is too short for this tree")
        return perfect_root(hashes)


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion path (RFC 9162 section 2.1.3.2); raises :class:`BadProof`."""
    if not 0 <= index < size:
        raise BadProof(f"a tree of {size} has no leaf {index}")
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise BadProof("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            node = node_hash(node, sibling)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise BadProof("the inclusion proof is too short")
    if node != root:
        raise BadProof("the entry is not in the signed tree")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check a consistency proof (RFC 9162 section 2.1.4.2); raises :class:`BadProof`."""
    if not 0 <= old <= new:
        raise BadProof(f"a tree of {new} cannot contain one of {old}")
    if old in (0, new):
        if path:
            raise BadProof("the consistency proof is too long")
        if old == new and old_root != new_root:
            raise BadProof("two different trees of the same size")
        return
    rest = list(path)
    if old & (old - 1) == 0:
        rest.insert(0, old_root)
    if not rest:
        raise BadProof("the consistency proof is too short")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    first = second = rest[0]
    for node in rest[1:]:
        if sn == 0:
            raise BadProof("the consistency proof is too long")
        if fn & 1 or fn == sn:
            first = node_hash(node, first)
            second = node_hash(node, second)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            second = node_hash(second, node)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise BadProof("the consistency proof is too short")
    if first != old_root:
        raise BadProof("the new tree does not begin with the old one")
    if second != new_root:
        raise BadProof("the proof does not lead to the new tree")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """C2SP tlog-proof: an entry's index and path with the checkpoint that they lead to.

    ``extra`` is not authenticated by the format; we put the entry's bytes there and hash them.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def encode(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {_b64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(_b64(node) for node in self.path)
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """Read a proof; raises :class:`BadProof`."""
        head, found, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not found or lines.pop(0) != HEADER:
            raise BadProof(f"the first line is not {HEADER}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _unb64(lines.pop(0)[6:])
        if not lines or not lines[0].startswith("index "):
            raise BadProof("the index line is missing")
        index = lines.pop(0)[6:]
        if not _DECIMAL.fullmatch(index):
            raise BadProof(f"no index: {index[:40]!r}")
        if len(lines) > _MAX_PATH:
            raise BadProof("the inclusion proof is too long")
        path = tuple(_unb64(line) for line in lines)
        if any(len(node) != HASH_BYTES for node in path):
            raise BadProof("a hash of the path is not 32 bytes")
        return cls(int(index), path, checkpoint, extra)

    def verify(
        self, entry: bytes, log: Verifier, witnesses: Iterable[Verifier] = ()
    ) -> tuple[Checkpoint, list[Verifier]]:
        """Check that ``entry`` is in the log; gives the checkpoint and the witnesses that
        cosigned it. Raises :class:`BadProof`."""
        try:
            note, signers = open_note(self.checkpoint, [log, *witnesses])
            head = Checkpoint.parse(note.text)
        except BadNote as error:
            raise BadProof(f"the checkpoint is not valid: {error}") from error
        if log not in signers:
            raise BadProof(f"the log {log.name} did not sign the checkpoint")
        if head.origin != log.name:
            raise BadProof(f"the checkpoint is of another log: {head.origin[:80]}")
        verify_inclusion(leaf_hash(entry), self.index, head.size, self.path, head.root)
        return head, [signer for signer in signers if signer is not log]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadProof(f"no base64: {text[:60]!r}") from error
