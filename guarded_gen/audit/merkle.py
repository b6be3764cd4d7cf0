"""The Merkle tree of RFC 6962 section 2.1, growing at its right edge.

A leaf hashes to SHA-256(0x00 || entry), an inner node to SHA-256(0x01 || left || right). The tree
is kept as C2SP tlog-tiles keeps it: a tile is up to 256 consecutive hashes of one level, where
level ``l`` holds the roots of perfect subtrees of 256**l leaves. Only the partial tiles of the
right edge stay in memory (at most 255 hashes a level); full tiles are handed over once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

TILE_WIDTH = 256
TILE_HEIGHT = 8
HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + a + b).digest() for a, b in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def split_hashes(tile: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]


class Tree:
    """The right edge of a tree.

    Appending costs two hashes a leaf, ``root()`` at most a few hundred. ``drain()`` gives the
    tiles that became full since the last call.
    """

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[list[bytes]] = []
        self._roots: list[bytes] = []  # perfect subtrees over full tiles, largest first
        self._full: list[tuple[int, int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        if leaves and not self._edge:
            self._edge.append([])
        at = 0
        while at < len(leaves):
            tile = self._edge[0]
            part = leaves[at : at + TILE_WIDTH - len(tile)]
            tile.extend(part)
            at += len(part)
            self.size += len(part)
            if len(tile) == TILE_WIDTH:
                n = self.size // TILE_WIDTH - 1
                self._full.append((0, n, b"".join(tile)))
                node = perfect_root(tile)
                tile.clear()
                self._add_full_tile(node, n)

    def append_tile(self, root: bytes) -> None:
        """Append a full tile of level 0, known by its root alone; only between full tiles."""
        if self.size % TILE_WIDTH:
            raise ValueError("the tree ends within a tile")
        if not self._edge:
            self._edge.append([])
        self.size += TILE_WIDTH
        self._add_full_tile(root, self.size // TILE_WIDTH - 1)

    def _add_full_tile(self, node: bytes, index: int) -> None:
        """Put a full tile's root on the stack, joining it with its finished left neighbours."""
        self._push(1, index, node)
        height = TILE_HEIGHT
        while index & 1:
            node = node_hash(self._roots.pop(), node)
            index >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                self._push(height // TILE_HEIGHT, index, node)
        self._roots.append(node)

    def _push(self, level: int, index: int, node: bytes) -> None:
        if level == len(self._edge):
            self._edge.append([])
        tile = self._edge[level]
        tile.append(node)
        if len(tile) == TILE_WIDTH:
            self._full.append((level, index // TILE_WIDTH, b"".join(tile)))
            tile.clear()

    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        roots = [*self._roots, *_perfect_parts(self._edge[0] if self._edge else ())]
        if not roots:
            return EMPTY_ROOT
        root = roots[-1]
        for left in reversed(roots[:-1]):
            root = node_hash(left, root)
        return root

    def drain(self) -> list[tuple[int, int, bytes]]:
        """``(level, n, 8192 bytes)`` of every tile that became full since the last call."""
        full, self._full = self._full, []
        return full

    def edge(self) -> bytes:
        """The partial tiles: for each level a uint16 width and the hashes."""
        return b"".join(struct.pack(">H", len(t)) + b"".join(t) for t in self._edge)

    @classmethod
    def load(cls, size: int, edge: bytes) -> Tree:
        """The tree of this size with this edge; ``ValueError`` when they do not fit together."""
        tree = cls()
        tree.size = size
        tree._edge = [split_hashes(tile) for tile in split_edge(size, edge)]
        for tile in reversed(tree._edge[1:]):
            tree._roots.extend(_perfect_parts(tile))
        return tree


def split_edge(size: int, edge: bytes) -> list[bytes]:
    """The partial tile of each level, lowest first; ``ValueError`` when it does not fit."""
    tiles = []
    at = 0
    while at < len(edge):
        (width,) = struct.unpack_from(">H", edge, at)
        tiles.append(bytes(edge[at + 2 : at + 2 + width * HASH_BYTES]))
        at += 2 + width * HASH_BYTES
    widths = [len(tile) // HASH_BYTES for tile in tiles]
    expected = []
    rest = size
    while rest:
        expected.append(rest % TILE_WIDTH)
        rest //= TILE_WIDTH
    if at != len(edge) or widths != expected:
        raise ValueError(f"the right edge does not belong to a tree of size {size}")
    return tiles


def _perfect_parts(tile: Sequence[bytes]) -> Iterator[bytes]:
    """The roots of the perfect subtrees that a partial tile consists of, left to right."""
    at = 0
    for bit in reversed(range(TILE_HEIGHT)):
        width = 1 << bit
        if len(tile) & width:
            yield perfect_root(tile[at : at + width])
            at += width


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes, in memory that does not grow with their number."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
        tree.drain()
    return tree.root()
