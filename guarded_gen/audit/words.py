"""Which sealed payloads hold a word, without opening them all.

The payloads of 2,048 entries make a segment. Each of its words becomes a token, HMAC-SHA-256 cut
to 48 bits; the tokens are dealt to 64 buckets, and a bucket, a list of tokens with the entries that
hold them, is sealed with AES-256-GCM. All keys follow from the log's seal key (HKDF, RFC 5869). So
a copy of the database without the keys folder shows how large the buckets are, and no more.

The index only proposes: what it gives is opened and compared. A segment without an index, or with a
damaged one, is read as it is; the newest entries always are. An erasure throws the index of its
segments away, and they are made again from what is left (:func:`bring_up_to_date`).
"""

from __future__ import annotations

import hmac
import os
import re
import struct
import sys
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, bindparam, text

from guarded_gen.audit.event import Event
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.sealing import NONCE_BYTES, Sealer
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.errors import GuardedGenError

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

SEGMENT = 2048
BUCKETS = 64
TOKEN_BYTES = 6
SEARCHED = "payload.searched"
"""Its payload, the words that somebody looked for, is no hit of the next search."""
_REMEMBERED = 100_000
_LOOKED_UP = 256
"""Segments whose buckets are read at once."""
Progress = Callable[[int, int], None]

_ROWS = text(
    "SELECT p.idx, p.subject, p.sealed, k.wrapped, e.id, e.kind FROM audit_payload p"
    " JOIN audit_entry e ON e.idx = p.idx"
    " LEFT JOIN audit_subject_key k ON k.subject = p.subject"
    " WHERE p.idx >= :a AND p.idx < :b ORDER BY p.idx"
)
_THERE = text("SELECT idx FROM audit_payload WHERE idx >= :a AND idx < :b ORDER BY idx")
_FOUND = text("SELECT id, sealed FROM audit_words WHERE id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_ADD = text("INSERT INTO audit_words (id, sealed) VALUES (:id, :sealed)")
_DROP = text("DELETE FROM audit_words WHERE id >= :a AND id < :b")

# Scripts that put no space between words: each character is a word, and a search compares runs.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])(?:[^\W_]|[{_MARKS}]))+")


def words_of(said: str) -> list[str]:
    """The words of a text in their order: letters and digits, NFKC, without case."""
    if said.isascii():
        return _ASCII_WORD.findall(said.lower())
    return _WORD.findall(folded(said))


def folded(said: str) -> str:
    """The text as it is compared: NFKC, without case."""
    return unicodedata.normalize("NFKC", said).casefold()


def payload_text(payload: bytes) -> str:
    """What a payload says: the strings of a JSON value without its keys, else all of it."""
    said = payload.decode("utf-8", "replace")
    if not said.startswith(("{", "[", '"')):
        return said
    try:
        value = orjson.loads(said)
    except ValueError:
        return said
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            stack.extend(reversed(item.values()))
    return "\n".join(found)


def says(payload: bytes, wanted: Sequence[str]) -> bool:
    """Whether the words stand in the payload, one after the other."""
    if payload.isascii() and b"\\u" not in payload:  # as most are: no word hides in an escape
        plain = payload.decode().lower()
        if not all(word in plain for word in wanted):
            return False
    words = words_of(payload_text(payload))
    first, count = wanted[0], len(wanted)
    return any(word == first and words[at : at + count] == wanted for at, word in enumerate(words))


class WordKeys:
    """The keys of the index. Remembers the tokens of the words that it has seen."""

    def __init__(self, seal_key: bytes) -> None:
        keys = HKDF(SHA256(), 64, None, b"guarded-gen audit words v1").derive(seal_key)
        self._key, self._cipher = keys[:32], AESGCM(keys[32:])
        self._tokens: dict[str, bytes] = {}

    def token(self, word: str) -> bytes:
        found = self._tokens.get(word)
        if found is None:
            message = word.encode("utf-8", "surrogatepass")
            found = hmac.digest(self._key, message, "sha256")[:TOKEN_BYTES]
            if len(self._tokens) >= _REMEMBERED:
                self._tokens.clear()
            self._tokens[word] = found
        return found

    def seal(self, id: int, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, struct.pack(">Q", id))

    def open(self, id: int, sealed: bytes) -> bytes | None:
        """None for a bucket that was altered."""
        try:
            nonce, hidden = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, hidden, struct.pack(">Q", id))
        except (InvalidTag, ValueError):
            return None


def bucket_of(token: bytes) -> int:
    return token[0] % BUCKETS


def _pack(postings: dict[bytes, list[int]]) -> bytes:
    """uint32 number of tokens, the tokens sorted, how many entries each has, the entries."""
    tokens = sorted(postings)
    entries = array("H", chain.from_iterable(postings[token] for token in tokens))
    counts = array("H", [len(postings[token]) for token in tokens])
    if sys.byteorder == "big":
        entries.byteswap()
        counts.byteswap()
    head = struct.pack("<I", len(tokens))
    return b"".join((head, *tokens, counts.tobytes(), entries.tobytes()))


def _unpack(bucket: bytes, token: bytes) -> set[int]:
    """The places within the segment that hold the token."""
    (count,) = struct.unpack_from("<I", bucket)
    tokens = range(4, 4 + count * TOKEN_BYTES, TOKEN_BYTES)
    at = bisect_left(tokens, token, key=lambda i: bucket[i : i + TOKEN_BYTES])
    if at == count or bucket[tokens[at] : tokens[at] + TOKEN_BYTES] != token:
        return set()
    ends = 4 + count * TOKEN_BYTES
    *before, mine = struct.unpack_from(f"<{at + 1}H", bucket, ends)
    start = ends + 2 * (count + sum(before))
    return set(struct.unpack_from(f"<{mine}H", bucket, start))


def opened(
    connection: Connection, sealer: Sealer, start: int, end: int
) -> Iterator[tuple[int, bytes]]:
    """Index and payload of the entries of a range that keep one and are worth searching."""
    for index, subject, sealed, wrapped, id, kind in connection.execute(
        _ROWS, {"a": start, "b": end}
    ):
        if kind == SEARCHED or wrapped is None:
            continue
        try:
            if not sealer.known(subject):
                sealer.learn(subject, as_bytes(wrapped, f"the key of {id}"))
            yield index, sealer.open(subject, id, as_bytes(sealed, id))[1]
        except (ValueError, GuardedGenError):
            continue  # damaged: `verify` names it, and it must not keep the others from view


def bring_up_to_date(
    log: AuditLog, progress: Progress | None = None, most: int | None = None
) -> int:
    """Index every whole segment that has no index, at most ``most``; gives how many were made.

    Cost: some 40 ms of one processor each, and a pause of the writer of some milliseconds.
    """
    with log.reading() as connection:
        snapshot = read_snapshot(connection)
        wanted = range(snapshot.minimum // SEGMENT, snapshot.size // SEGMENT)
        missing = [segment for segment, have in _present(connection, wanted) if not have]
    keys, sealer = WordKeys(log.keys.seal), Sealer(log.keys.seal)
    made = 0
    for done, segment in enumerate(missing[:most]):
        if progress is not None:
            progress(done * SEGMENT, len(missing) * SEGMENT)
        made += _index(log, segment, keys, sealer)
    return made


def _present(connection: Connection, segments: range) -> Iterator[tuple[int, bool]]:
    for at in range(0, len(segments), _LOOKED_UP):
        part = segments[at : at + _LOOKED_UP]
        ids = [segment * BUCKETS for segment in part]
        have = set(connection.execute(_FOUND, {"ids": ids}).scalars())
        yield from ((segment, segment * BUCKETS in have) for segment in part)


def _index(log: AuditLog, segment: int, keys: WordKeys, sealer: Sealer) -> bool:
    start, end = segment * SEGMENT, (segment + 1) * SEGMENT
    postings: dict[str, list[int]] = {}
    with log.reading() as connection:
        there = connection.execute(_THERE, {"a": start, "b": end}).scalars().all()
        for index, payload in opened(connection, sealer, start, end):
            for word in set(words_of(payload_text(payload))):
                if (places := postings.get(word)) is None:
                    places = postings[word] = []
                places.append(index - start)
    dealt: list[dict[bytes, list[int]]] = [{} for _ in range(BUCKETS)]
    for word, places in postings.items():
        token = keys.token(word)
        dealt[bucket_of(token)].setdefault(token, []).extend(places)
    first = segment * BUCKETS
    rows = [
        {"id": first + number, "sealed": keys.seal(first + number, _pack(bucket))}
        for number, bucket in enumerate(dealt)
    ]

    def work(connection: Connection, append: Callable[[Event], str]) -> bool:
        # What was erased or pruned meanwhile must not come back as an index.
        now = connection.execute(_THERE, {"a": start, "b": end}).scalars().all()
        if now != there:
            return False
        connection.execute(_DROP, {"a": first, "b": first + BUCKETS})
        connection.execute(_ADD, rows)
        return True

    return log.alone(work)


def forget_words(connection: Connection, indexes: Iterable[int]) -> None:
    """Throw away the index of every segment that one of these entries belongs to."""
    for segment in sorted({index // SEGMENT for index in indexes}):
        first = segment * BUCKETS
        connection.execute(_DROP, {"a": first, "b": first + BUCKETS})


def proposed(
    connection: Connection, seal_key: bytes, wanted: Sequence[str], bounds: range, newest: bool
) -> Iterator[int]:
    """The indexes within ``bounds`` of the entries that may hold all of these words, in order;
    each still has to be opened and compared."""
    keys, sealer = WordKeys(seal_key), Sealer(seal_key)
    tokens = [keys.token(word) for word in dict.fromkeys(wanted)]
    segments: Sequence[int] = range(bounds.start // SEGMENT, -(-bounds.stop // SEGMENT))
    if newest:
        segments = segments[::-1]
    for at in range(0, len(segments), _LOOKED_UP):
        part = segments[at : at + _LOOKED_UP]
        indexed = _lookup(connection, keys, tokens, part)
        for segment in part:
            start = segment * SEGMENT
            places = indexed.get(segment)
            if places is None:
                places = {
                    index - start
                    for index, payload in opened(connection, sealer, start, start + SEGMENT)
                    if says(payload, wanted)
                }
            for place in sorted(places, reverse=newest):
                if start + place in bounds:
                    yield start + place


def _lookup(
    connection: Connection, keys: WordKeys, tokens: Sequence[bytes], segments: Sequence[int]
) -> dict[int, set[int]]:
    """The places that hold every token, for each segment whose index can be read."""
    buckets = {bucket_of(token) for token in tokens}
    ids = [segment * BUCKETS + bucket for segment in segments for bucket in buckets]
    rows: dict[int, Any] = {}
    for at in range(0, len(ids), _LOOKED_UP):
        part = ids[at : at + _LOOKED_UP]
        rows.update((id, sealed) for id, sealed in connection.execute(_FOUND, {"ids": part}))
    found: dict[int, set[int]] = {}
    for segment in segments:
        places: set[int] | None = None
        plain: dict[int, bytes | None] = {}
        for token in tokens:
            id = segment * BUCKETS + bucket_of(token)
            if id not in plain:
                sealed = rows.get(id)
                plain[id] = keys.open(id, sealed) if isinstance(sealed, bytes) else None
            bucket = plain[id]
            if bucket is None:
                break
            there = _unpack(bucket, token)
            places = there if places is None else places & there
        else:
            if places is not None:
                found[segment] = places
    return found
