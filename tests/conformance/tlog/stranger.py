"""An independent verifier of a transparency log, written from the C2SP specifications alone.

Reads a log over HTTP (tlog-tiles), checks its checkpoint (signed-note, tlog-checkpoint,
tlog-cosignature), rebuilds the tree from the entries, and checks offline proofs (tlog-proof). It
imports nothing of the product, so that an error would have to be made twice.

    python stranger.py URL VKEY
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import sys
import urllib.error
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """The log, a note or a proof is not what it claims."""


def H(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf(data: bytes) -> bytes:
    return H(b"\x00" + data)


def inner(left: bytes, right: bytes) -> bytes:
    return H(b"\x01" + left + right)


def mth(leaves: list[bytes]) -> bytes:
    """Merkle Tree Hash of RFC 6962 section 2.1, by its recursive definition."""
    n = len(leaves)
    if n == 0:
        return H(b"")
    if n == 1:
        return leaves[0]
    k = 1
    while k * 2 < n:
        k *= 2
    return inner(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 section 2.1.1."""
    n = len(leaves)
    if n == 1:
        return []
    k = 1
    while k * 2 < n:
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def root_from_path(entry_hash: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that a path leads to, by walking the tree's shape down and back up."""
    if not 0 <= index < size:
        raise Refused("index outside of the tree")
    turns = []
    start, end = 0, size
    while end - start > 1:
        k = 1
        while k * 2 < end - start:
            k *= 2
        if index < start + k:
            turns.append("left")
            end = start + k
        else:
            turns.append("right")
            start += k
    if len(turns) != len(proof):
        raise Refused("path of the wrong length")
    node = entry_hash
    for turn, sibling in zip(reversed(turns), proof, strict=True):
        node = inner(node, sibling) if turn == "left" else inner(sibling, node)
    return node


def parse_vkey(vkey: str) -> tuple[str, bytes, int, bytes]:
    name, hash_hex, key64 = vkey.strip().split("+", 2)
    material = base64.b64decode(key64, validate=True)
    id_ = H(name.encode() + b"\n" + material)[:4]
    if id_.hex() != hash_hex:
        raise Refused("key hash does not match")
    return name, id_, material[0], material[1:]


def open_note(raw: bytes, vkeys: list[str]) -> tuple[str, list[str]]:
    """The text of a note, and the names of the known keys that signed it."""
    text, found, tail = raw.decode("utf-8").rpartition("\n\n")
    if not found or not tail.endswith("\n"):
        raise Refused("no note")
    text += "\n"
    keys = [parse_vkey(vkey) for vkey in vkeys]
    names = []
    for line in tail[:-1].split("\n"):
        dash, name, sig64 = line.split(" ")
        if dash != "\N{EM DASH}":
            raise Refused("no signature line")
        blob = base64.b64decode(sig64, validate=True)
        for known, id_, kind, public in keys:
            if (known, id_) != (name, blob[:4]):
                continue
            signature, message = blob[4:], text.encode()
            if kind == 4:
                stamp = int.from_bytes(signature[:8], "big")
                message = b"cosignature/v1\ntime %d\n" % stamp + message
                signature = signature[8:]
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
            except InvalidSignature as error:
                raise Refused(f"bad signature of {name}") from error
            names.append(name)
    if not names:
        raise Refused("no known signature")
    return text, names


def parse_checkpoint(text: str) -> tuple[str, int, bytes]:
    origin, size, root = text.split("\n")[:3]
    if str(int(size)) != size:
        raise Refused("size with leading zeroes")
    return origin, int(size), base64.b64decode(root, validate=True)


def tile_path(kind: str, n: int, width: int) -> str:
    digits = f"{n:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([*(f"x{g}" for g in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{name}" + (f".p/{width}" if width < 256 else "")


class Log:
    """A log at a URL prefix. Keeps the responses' headers for whoever wants to judge them."""

    def __init__(self, prefix: str, vkeys: list[str]) -> None:
        self.prefix = prefix.rstrip("/")
        self.vkeys = vkeys
        self.headers: dict[str, dict[str, str]] = {}

    def get(self, name: str) -> bytes:
        request = urllib.request.Request(
            f"{self.prefix}/{name}", headers={"Accept-Encoding": "gzip, identity"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
            headers = {key.lower(): value for key, value in response.headers.items()}
        self.headers[name] = headers
        return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body

    def status(self, name: str) -> int:
        try:
            self.get(name)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def checkpoint(self) -> tuple[int, bytes, bytes]:
        """Size, root and the raw note."""
        raw = self.get("checkpoint")
        text, _ = open_note(raw, self.vkeys)
        origin, size, root = parse_checkpoint(text)
        if origin != self.vkeys[0].split("+")[0]:
            raise Refused("checkpoint of another log")
        return size, root, raw

    def entries(self, size: int) -> list[bytes]:
        found = []
        for n in range(-(-size // 256)):
            width = min(256, size - n * 256)
            data = self.get(tile_path("entries", n, width))
            at = 0
            for _ in range(width):
                length = int.from_bytes(data[at : at + 2], "big")
                found.append(data[at + 2 : at + 2 + length])
                at += 2 + length
            if at != len(data):
                raise Refused(f"bundle {n} has a tail")
        return found

    def tiles(self, size: int) -> dict[tuple[int, int], list[bytes]]:
        found = {}
        level = 0
        while size >> (8 * level):
            count = size >> (8 * level)
            for n in range(-(-count // 256)):
                width = min(256, count - n * 256)
                data = self.get(tile_path(str(level), n, width))
                if len(data) != 32 * width:
                    raise Refused(f"tile {level}/{n} has {len(data)} bytes")
                found[level, n] = [data[i : i + 32] for i in range(0, len(data), 32)]
            level += 1
        return found

    def audit(self) -> tuple[int, list[bytes]]:
        """Check everything that is published; gives the size and the entries."""
        size, root, _ = self.checkpoint()
        entries = self.entries(size)
        leaves = [leaf(entry) for entry in entries]
        if mth(leaves) != root:
            raise Refused("the entries do not give the signed root")
        for (level, n), hashes in self.tiles(size).items():
            span = 256**level
            for i, found in enumerate(hashes):
                start = (n * 256 + i) * span
                if found != mth(leaves[start : start + span]):
                    raise Refused(f"tile {level}/{n} is wrong at {i}")
        return size, entries


def check_proof(proof: str, entry: bytes, vkeys: list[str]) -> list[str]:
    """Check a tlog-proof; gives the names of the signers of its checkpoint."""
    head, _, checkpoint = proof.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Refused("no tlog-proof")
    if lines[0].startswith("extra "):
        lines.pop(0)
    index = int(lines.pop(0).removeprefix("index "))
    text, names = open_note(checkpoint.encode(), vkeys)
    _, size, root = parse_checkpoint(text)
    hashes = [base64.b64decode(line, validate=True) for line in lines]
    if root_from_path(leaf(entry), index, size, hashes) != root:
        raise Refused("the entry is not in the tree")
    return names


if __name__ == "__main__":
    checked, _ = Log(sys.argv[1], [sys.argv[2]]).audit()
    print(f"{checked} entries, consistent with the signed checkpoint")
