"""Check an export of a Guarded Gen audit log. One file, Python 3.10 or newer, nothing to install.

    python verify_export.py FOLDER --vkey 'example.com/log+…' [--witness VKEY …] [--quorum N]
    python verify_export.py FOLDER --policy FILE

FOLDER holds manifest.json, manifest.sig, entries.jsonl (or .csv, .parquet), checkpoint,
checkpoint.cosigned, proofs/ and, of a complete export, range.entries. The verifier keys must come
from somewhere else than the folder: from the log's operator, and from the witnesses. It proves that

  1. the log's key signed the manifest, and every file has the digest that it names;
  2. every entry is in the tree whose root the log signed (RFC 6962), at its index;
  3. the entries of the list are those that were proven, all of them, in all their fields;
  4. the cosigned and the newest checkpoint belong to one history;
  5. with --witness: at least --quorum of these witnesses cosigned the checkpoint of each entry;
     with --policy (C2SP tlog-policy): its quorum did;
  6. of a complete export: range.entries is a whole range of the log, without a gap, and the list
     holds all entries of it that fit the query. The range begins with the log (with --from N: at
     index N) or before the time that limits the query, and ends with the checkpoint or after that
     time. Times are those that the
     log wrote; an entry far outside of the range that claims a time inside cannot be seen.

Of any other export it does not prove that it is complete. A subject stands in the query by its
pseudonym; only the log's operator knows whose it is. Exit code 0: proven; 1: not; 2: usage.

Formats: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy; Ed25519 as in
RFC 8032, section 5.1.7, and ML-DSA-44 as in FIPS 204, section 6.3, in plain Python (some
milliseconds for each different checkpoint). A witness of a policy with a key of another type counts
as one that did not cosign.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
EXPORT = "audit-export"
HEADER = "c2sp.org/tlog-proof@v1"


class Refused(Exception):
    """Something is not what it claims to be."""


# --- Ed25519 (RFC 8032, section 5.1) --------------------------------------------------------


def add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Sum of two points in extended coordinates."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, t, z, y = f - e, h - g, h + g, f + e
    return (x * t % P, z * y % P, t * z % P, x * y % P)


def times(scalar: int, point: tuple[int, ...]) -> tuple[int, ...]:
    found: tuple[int, ...] = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point, scalar = add(point, point), scalar >> 1
    return found


def same(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(data: bytes) -> tuple[int, ...]:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        raise Refused("no point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        raise Refused("no point of the curve")
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    try:
        key, r = point_of(public), point_of(signature[:32])
    except Refused:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    return same(times(s, BASE), add(r, times(int.from_bytes(digest, "little") % L, key)))


# --- ML-DSA-44 (FIPS 204) ---------------------------------------------------------------------

Q, K, TAU, OMEGA = 8380417, 4, 39, 80
GAMMA1, GAMMA2, BETA = 2**17, (Q - 1) // 88, 78
ZETAS = [pow(1753, int(f"{m:08b}"[::-1], 2), Q) for m in range(256)]


def ntt(given: list[int]) -> list[int]:
    """Algorithm 41."""
    w, m, step = list(given), 0, 128
    while step:
        for start in range(0, 256, 2 * step):
            m += 1
            for j in range(start, start + step):
                t = ZETAS[m] * w[j + step] % Q
                w[j + step], w[j] = (w[j] - t) % Q, (w[j] + t) % Q
        step >>= 1
    return w


def ntt_back(given: list[int]) -> list[int]:
    """Algorithm 42."""
    w, m, step = list(given), 256, 1
    while step < 256:
        for start in range(0, 256, 2 * step):
            m -= 1
            for j in range(start, start + step):
                t = w[j]
                w[j] = (t + w[j + step]) % Q
                w[j + step] = -ZETAS[m] * (t - w[j + step]) % Q
        step <<= 1
    return [8347681 * value % Q for value in w]


def numbers(data: bytes, bits: int) -> list[int]:
    """256 numbers of so many bits, little-endian."""
    whole = int.from_bytes(data, "little")
    return [whole >> bits * i & (1 << bits) - 1 for i in range(256)]


def matrix_entry(rho: bytes, row: int, column: int) -> list[int]:
    """Algorithm 30: 256 numbers below Q, by rejection."""
    stream = hashlib.shake_128(rho + bytes([column, row])).digest(3 * 512)
    found = [
        value
        for i in range(0, len(stream), 3)
        if (value := int.from_bytes(stream[i : i + 3], "little") & 0x7FFFFF) < Q
    ]
    if len(found) < 256:  # a chance below 2**-128
        raise Refused("no ML-DSA key")
    return found[:256]


def challenge(seed: bytes) -> list[int]:
    """Algorithm 29: TAU coefficients of 1 or -1."""
    stream = hashlib.shake_256(seed).digest(1024)
    signs, at, c = int.from_bytes(stream[:8], "little"), 8, [0] * 256
    for i in range(256 - TAU, 256):
        while stream[at] > i:
            at += 1
        j, at = stream[at], at + 1
        c[i] = c[j]
        c[j] = -1 if signs >> i + TAU - 256 & 1 else 1
    return c


def hints(data: bytes) -> list[set[int]] | None:
    """Algorithm 21; None for another spelling than the one allowed."""
    found, at = [], 0
    for end in data[OMEGA:]:
        part = list(data[at:end])
        if not at <= end <= OMEGA or part != sorted(set(part)):
            return None
        found.append(set(part))
        at = end
    return None if any(data[at:OMEGA]) else found


def high_part(value: int, hint: bool) -> int:
    """Algorithms 36 and 40."""
    low = value % (2 * GAMMA2)
    if low > GAMMA2:
        low -= 2 * GAMMA2
    high = (value - low) // (2 * GAMMA2)
    if value - low == Q - 1:
        high, low = 0, low - 1
    return (high + (1 if low > 0 else -1) if hint else high) % 44


def ml_dsa_signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Algorithms 3 and 8, without a context."""
    if len(public) != 1312 or len(signature) != 2420:
        return False
    seed, hint = signature[:32], hints(signature[-OMEGA - K :])
    z = [[GAMMA1 - n for n in numbers(signature[i : i + 576], 18)] for i in range(32, 2336, 576)]
    if hint is None or any(abs(n) >= GAMMA1 - BETA for row in z for n in row):
        return False
    key = hashlib.shake_256(public).digest(64)
    mu = hashlib.shake_256(key + b"\0\0" + message).digest(64)
    c, z_hat = ntt(challenge(seed)), [ntt(row) for row in z]
    packed = b""
    for row in range(K):
        t1 = ntt([n << 13 for n in numbers(public[32 + 320 * row : 352 + 320 * row], 10)])
        w = [-a * b for a, b in zip(c, t1, strict=True)]
        for column in range(K):
            entry = matrix_entry(public[:32], row, column)
            w = [a + b * n for a, b, n in zip(w, entry, z_hat[column], strict=True)]
        back = ntt_back([n % Q for n in w])
        high = [high_part(n, i in hint[row]) for i, n in enumerate(back)]
        packed += sum(n << 6 * i for i, n in enumerate(high)).to_bytes(192, "little")
    return hashlib.shake_256(mu + packed).digest(32) == seed


# --- notes and checkpoints -------------------------------------------------------------------


class Key:
    """A verifier key, ``name+hex id+base64``; kind 1 signs, 4 (Ed25519) and 6 (ML-DSA-44)
    cosign."""

    def __init__(self, vkey: str) -> None:
        try:
            self.name, id_hex, encoded = vkey.strip().split("+", 2)
            material = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise Refused(f"no verifier key: {vkey[:80]!r}") from error
        self.id = hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4]
        length = {1: 33, 4: 33, 6: 1313}.get(material[0] if material else 0)
        if len(material) != length or self.id.hex() != id_hex:
            raise Refused(f"no Ed25519 or ML-DSA-44 verifier key: {vkey[:80]!r}")
        self.kind, self.public = material[0], material[1:]

    def signed(self, text: str, blob: bytes) -> bool:
        message = text.encode()
        if self.kind == 1:
            return signed_by(self.public, message, blob)
        stamp, blob = int.from_bytes(blob[:8], "big"), blob[8:]
        if stamp >= 2**63:
            return False
        if self.kind == 6:
            origin, size, root = checkpoint_of(text)
            message = b"subtree/v1\n\0"
            for name, number in ((self.name, stamp), (origin, 0)):
                encoded = name.encode()
                if not 0 < len(encoded) < 256:
                    return False
                message += bytes([len(encoded)]) + encoded + struct.pack(">Q", number)
            message += struct.pack(">Q", size) + root
            return ml_dsa_signed_by(self.public, message, blob)
        message = b"cosignature/v1\ntime %d\n" % stamp + message
        return signed_by(self.public, message, blob)


def open_note(note: str, keys: list[Key]) -> tuple[str, list[Key]]:
    """The text of a note and the known keys that signed it; one wrong signature refuses it."""
    text, found, tail = note.rpartition("\n\n")
    if not found or not tail.endswith("\n"):
        raise Refused("no signed note")
    text += "\n"
    signers = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\N{EM DASH}":
            raise Refused("no signature line")
        blob = decoded(parts[2])
        for key in keys:
            if (key.name, key.id) == (parts[1], blob[:4]):
                if not key.signed(text, blob[4:]):
                    raise Refused(f"the signature of {key.name} is wrong")
                signers.append(key)
    return text, signers


def checkpoint_of(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    if len(lines) < 4 or not lines[1].isdecimal() or str(int(lines[1])) != lines[1]:
        raise Refused("no checkpoint")
    root = decoded(lines[2])
    if len(root) != 32:
        raise Refused("the checkpoint's root is not 32 bytes")
    return lines[0], int(lines[1]), root


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused(f"no base64: {text[:60]!r}") from error


# --- the tree (RFC 6962, section 2.1) --------------------------------------------------------


def inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def below(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def root_from(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion path leads to."""
    if not 0 <= index < size:
        raise Refused("the index lies outside of the tree")
    turns, start, end = [], 0, size
    while end - start > 1:
        middle = start + below(end - start)
        turns.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    if len(turns) != len(path):
        raise Refused("the path has the wrong length")
    node = hashlib.sha256(b"\x00" + entry).digest()
    for left, sibling in zip(reversed(turns), path, strict=True):
        node = inner(node, sibling) if left else inner(sibling, node)
    return node


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """Whether the tree of ``new`` begins with the tree of ``old`` (RFC 9162, section 2.1.4.2)."""
    if old == new:
        return old_root == new_root and not path
    if old == 0:
        return not path
    rest = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not rest:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = rest[0]
    for node in rest[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = inner(node, first), inner(node, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = inner(second, node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (first, second) == (old_root, new_root)


def root_of_range(leaves: list[bytes], start: int, size: int, beside: list[bytes]) -> bytes:
    """The root of the tree of ``size`` from leaf hashes that begin at ``start`` and the roots of
    the subtrees beside them, from left to right."""
    end, rest = start + len(leaves), iter(beside)

    def root(low: int, high: int) -> bytes:
        if high <= start or low >= end:
            node = next(rest, b"")
            if len(node) != 32:
                raise Refused("the proof of the range has the wrong length")
            return node
        if high - low == 1:
            return leaves[low - start]
        middle = low + below(high - low)
        left = root(low, middle)
        return inner(left, root(middle, high))

    if not 0 <= start < end <= size:
        raise Refused("the range lies outside of the tree")
    found = root(0, size)
    if next(rest, None) is not None:
        raise Refused("the proof of the range has the wrong length")
    return found


def fits(record: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether an entry is what a complete export's query asks for."""
    decision, kind = record.get("decision") or {}, query.get("kind", "")
    acted = decision.get("action") if decision else (record.get("body") or {}).get("action")
    trace = [m for m in decision.get("trace", ()) if isinstance(m, dict)]
    true = {
        "since": query.get("since", "") <= record["time"],
        "until": record["time"] < query.get("until", "~"),
        "kind": record["kind"].startswith(kind) if kind.endswith(".") else record["kind"] == kind,
        "tenant": record["tenant"] == query.get("tenant"),
        "subject": record.get("subject") == query.get("subject"),
        "actor": record["actor"] == query.get("actor"),
        "related": record.get("related") == query.get("related"),
        "action": acted == query.get("action"),
        "rule": decision.get("rule_id") == query.get("rule"),
        "policy": decision.get("policy_digest") == query.get("policy"),
        "category": any(m.get("category") == query.get("category") for m in trace),
    }
    if unknown := set(query) - set(true):
        raise Refused(f"the query has fields that this program does not know: {sorted(unknown)}")
    return all(true[name] for name in query)


# --- the quorum (C2SP tlog-policy) -----------------------------------------------------------


class Policy:
    """Witnesses and groups by name, and who must have cosigned."""

    def __init__(self, data: bytes) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key | None] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        members: set[str] = set()
        for line in data.decode("utf-8", "surrogateescape").split("\n"):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if not words or words[0].startswith("#"):
                continue
            what, name, rest = words[0], words[1] if len(words) > 1 else "", words[2:]
            known = {*self.witnesses, *self.groups}
            if what == "log" and len(rest) < 2:
                self.logs.append(Key(name))
            elif what == "witness" and 0 < len(rest) < 3 and name not in {*known, "none"}:
                # A key of an unknown type is nobody's that could be seen to cosign.
                # The key itself is base64, which may hold a "+" of its own.
                encoded = rest[0].split("+", 2)[-1]
                ours = decoded(encoded)[:1] in (b"\x04", b"\x06")
                self.witnesses[name] = Key(rest[0]) if ours else None
            elif what == "group" and len(rest) > 1 and name not in {*known, "none"}:
                listed = rest[1:]
                if (
                    not set(listed) <= known
                    or members & set(listed)
                    or len(set(listed)) != len(listed)
                ):
                    raise Refused(f"policy: {line[:80]!r} names an unknown or a used member")
                members |= set(listed)
                k = {"any": "1", "all": str(len(listed))}.get(rest[0], rest[0])
                if not k.isdecimal() or not 1 <= int(k) <= len(listed):
                    raise Refused(f"policy: {line[:80]!r} has no threshold")
                self.groups[name] = int(k), listed
            elif what == "quorum" and not rest and not self.quorum and name in {*known, "none"}:
                self.quorum = name
            else:
                raise Refused(f"policy: {line[:80]!r} is no line of it")
        keys = [key.public for key in self.witnesses.values() if key]
        if not self.quorum or len(set(keys)) != len(keys):
            raise Refused("policy: no quorum line, or a witness that stands there twice")

    def holds(self, signers: list[Key]) -> bool:
        found = {name: key in signers for name, key in self.witnesses.items()}
        for name, (k, members) in self.groups.items():
            found[name] = sum(found[member] for member in members) >= k
        return self.quorum == "none" or found[self.quorum]


# --- the export ------------------------------------------------------------------------------


class Auditor:
    """Checks one folder. ``notes`` remembers the checkpoints that were verified already."""

    def __init__(
        self,
        folder: Path,
        log: Key,
        witnesses: list[Key],
        quorum: int,
        policy: Policy | None = None,
        begin: int = 0,
    ) -> None:
        self.folder, self.log, self.witnesses, self.quorum = folder, log, witnesses, quorum
        self.policy, self.begin = policy, begin
        if policy is not None:
            self.witnesses = witnesses + [key for key in policy.witnesses.values() if key]
        self.notes: dict[str, tuple[int, bytes]] = {}

    def run(self) -> dict[str, Any]:
        """Everything; raises :class:`Refused` at the first thing that is wrong."""
        manifest = self.manifest()
        self.history(manifest)
        proven = self.proofs()
        if len(proven) != manifest["proofs"]:
            raise Refused(f"{len(proven)} proofs, the manifest names {manifest['proofs']}")
        complete = manifest.get("complete")
        if complete is not None:
            fitting = self.range(complete)
            if manifest["proofs"] and fitting != proven:
                odd = sorted(set(fitting) ^ set(proven))
                raise Refused(f"the range holds other entries that fit than were proven: {odd[:3]}")
            proven = fitting
        listed = self.entries(manifest, proven)
        return {
            "ok": True,
            "origin": manifest["origin"],
            "entries": manifest["entries"],
            "proven": len(proven),
            "compared": listed,
            "witnesses": [key.name for key in self.witnesses],
            "query": manifest["query"],
            "complete": None
            if complete is None
            else {name: complete[name] for name in ("start", "end", "size", "query")},
            "made": manifest["made"],
        }

    def manifest(self) -> dict[str, Any]:
        data = self.read("manifest.json")
        text, signers = open_note(self.read("manifest.sig").decode(), [self.log])
        digest = hashlib.sha256(data).hexdigest()
        if self.log not in signers or text != f"{self.log.name}\n{EXPORT}\n{digest}\n":
            raise Refused("the log did not sign this manifest")
        manifest: dict[str, Any] = json.loads(data)
        for name, about in manifest["files"].items():
            if self.digest(name) != about["sha256"]:
                raise Refused(f"{name} is not the file that the manifest names")
        return manifest

    def history(self, manifest: dict[str, Any]) -> None:
        newest = self.checkpoint(manifest["checkpoint"], witnessed=False)
        cosigned = manifest["cosigned_checkpoint"]
        if cosigned is None:
            return
        old = self.checkpoint(cosigned, witnessed=False)
        path = [decoded(node) for node in manifest["consistency"]]
        if not consistent(old[0], newest[0], old[1], newest[1], path):
            raise Refused("the newest checkpoint does not continue the cosigned one")

    def checkpoint(self, note: str, *, witnessed: bool = True) -> tuple[int, bytes]:
        """Size and root of a checkpoint that the log signed, and enough witnesses if asked."""
        name = f"{witnessed} {note}"
        if name not in self.notes:
            text, signers = open_note(note, [self.log, *self.witnesses])
            origin, size, root = checkpoint_of(text)
            if self.log not in signers or origin != self.log.name:
                raise Refused("the log did not sign a checkpoint")
            cosigners = {key.name for key in signers if key is not self.log}
            if witnessed and len(cosigners) < self.quorum:
                raise Refused(
                    f"{len(cosigners)} of the witnesses cosigned the checkpoint of size {size},"
                    f" {self.quorum} are asked for"
                )
            if witnessed and self.policy is not None and not self.policy.holds(signers):
                raise Refused(f"the policy's quorum did not cosign the checkpoint of size {size}")
            self.notes[name] = size, root
        return self.notes[name]

    def range(self, complete: dict[str, Any]) -> dict[str, tuple[int, dict[str, Any]]]:
        """Every entry of the range that fits the query, by its id; the range is proven whole."""
        size, root = self.checkpoint(complete["checkpoint"])
        start, end, query = complete["start"], complete["end"], complete["query"]
        if size != complete["size"]:
            raise Refused("the range is one of another checkpoint")
        leaves: list[bytes] = []
        fitting: dict[str, tuple[int, dict[str, Any]]] = {}
        times: list[str] = []
        with (self.folder / "range.entries").open("rb") as file:
            while head := file.read(2):
                entry = file.read(int.from_bytes(head, "big"))
                if len(head) != 2 or len(entry) != int.from_bytes(head, "big"):
                    raise Refused("range.entries is cut off")
                record = json.loads(entry)
                if fits(record, query):
                    if record["id"] in fitting:
                        raise Refused(f"the range holds {record['id']} twice")
                    fitting[record["id"]] = start + len(leaves), record
                leaves.append(hashlib.sha256(b"\x00" + entry).digest())
                times = [times[0] if times else record["time"], record["time"]]
        beside = [decoded(node) for node in complete["beside"]]
        if start + len(leaves) != end or root_of_range(leaves, start, size, beside) != root:
            raise Refused("range.entries is not the whole range of the log that it claims to be")
        if start > self.begin and not ("since" in query and times[0] < query["since"]):
            raise Refused(
                f"the range does not begin before the period, but at index {start}; if the log"
                f" pruned what was before, say --from {start}"
            )
        if end < size and not ("until" in query and times[1] >= query["until"]):
            raise Refused("the range does not end after the period")
        return fitting

    def proofs(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """Every proven entry by its id."""
        proven = {}
        for file in sorted((self.folder / "proofs").glob("*.tlog-proof")):
            head, found, note = file.read_text("utf-8").partition("\n\n")
            lines = head.split("\n")
            if (
                not found
                or len(lines) < 3
                or lines[0] != HEADER
                or not lines[1].startswith("extra ")
                or not lines[2].startswith("index ")
                or not lines[2][6:].isdecimal()
            ):
                raise Refused(f"{file.name} is no proof that carries its entry")
            entry, index = decoded(lines[1][6:]), int(lines[2][6:])
            size, root = self.checkpoint(note)
            if root_from(entry, index, size, [decoded(line) for line in lines[3:]]) != root:
                raise Refused(f"{file.name}: the entry is not in the tree")
            record = json.loads(entry)
            if file.name != f"{record['id']}.tlog-proof" or record["id"] in proven:
                raise Refused(f"{file.name} proves another entry, {record['id']}")
            proven[record["id"]] = index, record
        return proven

    def entries(
        self, manifest: dict[str, Any], proven: dict[str, tuple[int, dict[str, Any]]]
    ) -> str:
        """Compare the list with the proven entries; says how far that was possible."""
        if not manifest["proofs"] and manifest.get("complete") is None:
            return "nothing: this export has no proofs"
        [name] = [n for n in manifest["files"] if n.startswith("entries.")]
        if name.endswith(".parquet"):
            return "by digest only: reading Parquet needs a library"
        count = 0
        if name.endswith(".csv"):
            with (self.folder / name).open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    index, record = self.known(proven, row["id"])
                    if (row["index"], row["time"], row["kind"]) != (
                        str(index),
                        record["time"],
                        record["kind"],
                    ):
                        raise Refused(f"{name}: {row['id']} differs from what was proven")
                    decision = json.loads(row["decision"]) if row["decision"] else {}
                    if decision != (record.get("decision") or {}):
                        raise Refused(f"{name}: the decision of {row['id']} is another")
                    count += 1
        else:
            with (self.folder / name).open(encoding="utf-8") as lines:
                for line in lines:
                    listed = json.loads(line)
                    index, record = self.known(proven, listed["id"])
                    for field, value in listed.items():
                        true = index if field == "index" else record.get(field)
                        if value and field in ("index", *record) and value != true:
                            raise Refused(f"{name}: {field} of {listed['id']} is another")
                    if {k for k in record if k != "v"} - set(listed):
                        raise Refused(f"{name}: fields of {listed['id']} are missing")
                    count += 1
        if count != len(proven) or count != manifest["entries"]:
            raise Refused(f"{name} lists {count} entries, {len(proven)} were proven")
        return "every entry, field by field" if name.endswith(".jsonl") else "every entry"

    def known(
        self, proven: dict[str, tuple[int, dict[str, Any]]], id: str
    ) -> tuple[int, dict[str, Any]]:
        if id not in proven:
            raise Refused(f"{id} is listed and not proven")
        return proven[id]

    def digest(self, name: str) -> str:
        found = hashlib.sha256()
        try:
            with self.path(name).open("rb") as file:
                while part := file.read(1 << 20):
                    found.update(part)
        except OSError as error:
            raise Refused(f"{name} cannot be read: {error.strerror}") from error
        return found.hexdigest()

    def path(self, name: str) -> Path:
        if "/" in name or "\\" in name or name.startswith("."):
            raise Refused(f"the manifest names a file outside of the folder: {name[:80]!r}")
        return self.folder / name

    def read(self, name: str) -> bytes:
        try:
            return self.path(name).read_bytes()
        except OSError as error:
            raise Refused(f"{name} cannot be read: {error.strerror}") from error


def main(arguments: list[str] | None = None) -> int:
    """The command; gives the exit code."""
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vkey", help="the log's verifier key, from its operator")
    parser.add_argument("--policy", type=Path, help="witness policy; its log may replace --vkey")
    parser.add_argument("--witness", action="append", default=[], help="a witness's verifier key")
    parser.add_argument("--quorum", type=int, help="how many witnesses; left out: all given")
    parser.add_argument(
        "--from", type=int, default=0, dest="begin", metavar="N",
        help="entries below this index are known to be pruned",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    quorum = len(given.witness) if given.quorum is None else given.quorum
    if not 0 <= quorum <= len(given.witness):
        parser.error("--quorum is at most the number of witnesses")
    try:
        keys = [Key(vkey) for vkey in given.witness]
        policy = Policy(given.policy.read_bytes()) if given.policy else None
        if given.vkey:
            log = Key(given.vkey)
        elif policy is not None and len(policy.logs) == 1:
            [log] = policy.logs
        else:
            parser.error("--vkey, or a --policy with one log, says whose export it is")
        report = Auditor(given.folder, log, keys, quorum, policy, given.begin).run()
    except (Refused, KeyError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, Refused) else f"a file is damaged: {error!r}"
        print(json.dumps({"ok": False, "error": why}) if given.json else f"NOT PROVEN: {why}")
        return 1
    if given.json:
        print(json.dumps(report))
    else:
        print(f"proven: {report['proven']} entries of {report['origin']}, made {report['made']}")
        print(f"compared with the list: {report['compared']}")
        if quorum:
            print(f"each checkpoint was cosigned by {quorum} of {len(given.witness)} witnesses")
        if policy is not None:
            print(f"each checkpoint was cosigned by the quorum {policy.quorum!r} of the policy")
        complete = report["complete"]
        if complete is None:
            print(f"asked for: {json.dumps(report['query'])} (whether more fit it is not proven)")
        else:
            print(f"asked for: {json.dumps(complete['query'])}")
            print(
                f"complete: no other entry of the indexes {complete['start']} to"
                f" {complete['end'] - 1} fits, in a log of {complete['size']} entries"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
