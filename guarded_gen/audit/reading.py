"""Reading is checking: no entry is shown, exported or published that the signed root does not hold.

A tile of 256 leaf hashes is proven once against the root of the newest signed checkpoint: the
inclusion path (RFC 9162 section 2.1.3) of any of its leaves is computed from all the others. Every
entry of that tile is then compared with its own hash.
"""

from __future__ import annotations

from sqlalchemy import Connection

from guarded_gen.audit.errors import VERIFY_LOG, BadNote, BadProof, LogCorrupt
from guarded_gen.audit.integrate import Snapshot, read_snapshot
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.merkle import TILE_WIDTH, leaf_hash, split_hashes
from guarded_gen.audit.proof import Prover, verify_inclusion
from guarded_gen.audit.tiles import tile_reader


class CheckedReader:
    """Compares entries of one snapshot of the database with its signed tree.

    Cost: about a millisecond for the first entry of each tile, a SHA-256 for every other one.
    """

    def __init__(
        self, connection: Connection, keys: LogKeys, snapshot: Snapshot | None = None
    ) -> None:
        self.snapshot = snapshot or read_snapshot(connection)
        try:
            head = keys.open_own(self.snapshot.note)
        except BadNote as error:
            raise LogCorrupt(f"the newest checkpoint is not ours: {error}", VERIFY_LOG) from error
        if head.size != self.snapshot.size:
            raise LogCorrupt(
                f"the newest checkpoint is for {head.size} entries, the log has"
                f" {self.snapshot.size}",
                VERIFY_LOG,
            )
        self._read = tile_reader(connection, self.snapshot)
        self._prover = Prover(self._read)
        self._proven: dict[int, list[bytes]] = {}

    def check(self, index: int, data: bytes) -> None:
        """Raise :class:`LogCorrupt` unless these bytes are the entry of this index."""
        n, at = divmod(index, TILE_WIDTH)
        leaves = self._proven.get(n)
        if leaves is None:
            leaves = self._proven[n] = self._prove(n)
        if at >= len(leaves) or leaves[at] != leaf_hash(data):
            raise LogCorrupt(
                f"entry {index} was altered: its bytes are not those that were signed", VERIFY_LOG
            )

    def _prove(self, n: int) -> list[bytes]:
        first, size = n * TILE_WIDTH, self.snapshot.size
        try:
            leaves = split_hashes(self._read(0, n))
            if not leaves:
                raise BadProof(f"the tree of {size} has no entry {first}")
            path = self._prover.inclusion(first, size)
            verify_inclusion(leaves[0], first, size, path, self.snapshot.root)
        except (BadProof, ValueError) as error:
            raise LogCorrupt(
                f"the tree's tile 0/{n} does not give the signed root: {error}", VERIFY_LOG
            ) from error
        return leaves
