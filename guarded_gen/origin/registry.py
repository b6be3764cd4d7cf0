"""The registry of what was published: SQL for exact look-ups, an index in memory for likenesses.

The index holds a few PDQ hashes of each file and is brought up to date with the table before
each search, so that several processes see each other's files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select

from guarded_gen.origin.frame_index import CodeTable, FrameIndex
from guarded_gen.store import Store
from guarded_gen.store.tables.provenance import PublishedRow, PublishedStore
from provenance.fingerprint import PDQ_BYTES
from provenance.picture import KeyFrames, Picture
from provenance.recovery import PublishedFile

BATCH = 10_000

LATE_MS = 600_000
"""A row may become visible this long after the time that it carries."""


class SqlRegistry:
    """The :class:`provenance.recovery.Registry` on the store; safe to share between threads."""

    def __init__(self, store: Store | Callable[[], Store]) -> None:
        """``store`` may be a function, so that a registry nobody asks opens no database."""
        self._opened = store
        self._index = FrameIndex()
        self._indexed: set[str] = set()
        self._codes: dict[int, CodeTable] = {}
        self._newest = 0
        self._lock = threading.Lock()

    @property
    def _store(self) -> Store:
        return self._opened() if callable(self._opened) else self._opened

    def publish(self, file: PublishedFile) -> None:
        """Remember a published file; what was known of the same content id gives way."""
        picture = file.picture
        with self._store.write() as session:
            mine = PublishedRow.content_id == file.content_id
            stores = PublishedStore.content_id == file.content_id
            session.execute(delete(PublishedStore).where(stores))
            session.execute(delete(PublishedRow).where(mine))
            session.add(
                PublishedRow(
                    content_id=file.content_id,
                    manifest_label=file.manifest_label,
                    sha256=file.sha256,
                    title=file.title[:500],
                    mime=file.mime,
                    tenant=file.tenant,
                    published_at=file.published_at,
                    log_index=file.log_index,
                    watermark=file.watermark,
                    iscc=picture.iscc or None if picture else None,
                    frames=picture.hashes.tobytes() if picture else None,
                    keys=picture.keys.to_bytes() if picture and picture.keys else None,
                )
            )
            session.flush()
            session.add(PublishedStore(content_id=file.content_id, store=file.store))
            session.commit()

    def count(self) -> int:
        with self._store.read() as session:
            return session.scalar(select(func.count()).select_from(PublishedRow)) or 0

    def by_content_id(self, content_id: str) -> PublishedFile | None:
        return self._one(_SELECT.where(PublishedRow.content_id == content_id))

    def by_watermark(self, payload: bytes) -> PublishedFile | None:
        return self._one(_SELECT.where(PublishedRow.watermark == payload))

    def by_manifest(self, label: str) -> PublishedFile | None:
        return self._one(_SELECT.where(PublishedRow.manifest_label == label))

    def by_sha256(self, sha256: str) -> PublishedFile | None:
        return self._one(_SELECT.where(PublishedRow.sha256 == sha256).limit(1))

    def by_iscc(self, code: bytes, most: int) -> list[tuple[PublishedFile, int]]:
        """Files whose ISCC is nearest, with a similarity of 0 to 100."""
        self._refresh()
        with self._lock:
            near = [
                found
                for size, table in self._codes.items()
                if size >= len(code)
                for found in table.nearest(code, most)
            ]
        near = sorted(near, key=lambda found: found[1])[:most]
        found = []
        for owner, bits in near:
            file = self.by_content_id(owner)
            if file is not None:
                found.append((file, round(100 * (1 - bits / (len(code) * 8)))))
        return found

    def nearest(self, picture: Picture, most: int) -> Sequence[PublishedFile]:
        """The files with the likest frames, likest first."""
        self._refresh()
        with self._lock:
            owners = self._index.nearest(picture.hashes, most)
        found = (self.by_content_id(owner) for owner in owners)
        return [file for file in found if file is not None]

    def known(self) -> int:
        """How many frames of our own output can be found (:class:`classifiers.frame.OwnOutput`)."""
        self._refresh()
        return len(self._index)

    def look_up(self, hashes: NDArray[np.uint8]) -> Mapping[str, set[int]]:
        """Our own output within 31 bits of any of ``uint8 [N, 32]``: content id to frames."""
        with self._lock:
            return self._index.look_up(hashes)

    def frames(self, content_id: str) -> int:
        """How many frames of this content can be found."""
        with self._lock:
            return self._index.anchors(content_id)

    def _refresh(self) -> None:
        """Bring the index up to date with the table: its newest rows, or all if that is not it."""
        with self._lock:
            count = self.count()
            if count == len(self._indexed):
                return
            rows = select(
                PublishedRow.content_id,
                PublishedRow.frames,
                PublishedRow.iscc,
                PublishedRow.published_at,
            )
            self._take(rows.where(PublishedRow.published_at >= self._newest - LATE_MS))
            if count > len(self._indexed):
                self._take(rows)

    def _take(self, rows: Any) -> None:
        with self._store.read() as session:
            found = session.execute(rows.execution_options(yield_per=BATCH))
            for owner, frames, iscc, published_at in found:
                if owner in self._indexed:
                    continue
                self._indexed.add(owner)
                self._newest = max(self._newest, published_at)
                if frames:
                    self._index.add(owner, np.frombuffer(frames, np.uint8).reshape(-1, PDQ_BYTES))
                if iscc:
                    self._codes.setdefault(len(iscc), CodeTable(len(iscc))).add(owner, iscc)

    def _one(self, query: Any) -> PublishedFile | None:
        with self._store.read() as session:
            row = session.execute(query).first()
            return _file(row) if row else None


_SELECT = select(PublishedRow, PublishedStore.store).join(
    PublishedStore, PublishedStore.content_id == PublishedRow.content_id
)


def _file(row: Any) -> PublishedFile:
    published, store = row
    picture = None
    if published.frames is not None:
        hashes = np.frombuffer(published.frames, np.uint8).reshape(-1, PDQ_BYTES)
        keys = KeyFrames.from_bytes(published.keys) if published.keys else None
        picture = Picture(hashes, keys, (), published.iscc or b"")
    return PublishedFile(
        published.content_id,
        published.manifest_label,
        published.sha256,
        store,
        published.title,
        published.mime,
        published.published_at,
        published.watermark,
        picture,
        published.log_index,
        published.tenant,
    )
