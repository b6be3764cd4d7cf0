"""Hash banks: those in the database, those in files, and what is put into them.

A bank in the database is seen by every process from its next stream on. Each change is on
record in the audit log: the bank's name and how much, never a hash.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import delete, func, insert, select

from classifiers.base import StreamInfo
from classifiers.frame.banks import (
    Bank,
    BankAction,
    BankInfo,
    BankInvalid,
    BankSource,
    FolderSource,
    Item,
    ItemKind,
    read_exchange,
    write_exchange,
)
from classifiers.frame.gate import FrameGate
from classifiers.frame.known import OWN_BANK, PARTIAL_SCORE, KnownCheck
from classifiers.frame.register import register
from classifiers.sound.known import register_sound
from guarded_gen.audit import Event
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.store.tables.banks import HashBank, HashBankItem, HashExchange
from media.clip import Frames
from media.hashing import BYTES
from media.keypoints import Places
from media.limits import MediaLimits
from policies.decision import CheckStatus
from provenance.picture import Picture

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog, Transaction
    from guarded_gen.store import Store

_BATCH = 5_000
"""Rows written or read at once."""
_IDS = 500
"""Ids in one statement: below the 999 parameters of an old SQLite."""


def bank_info(name: str, category: str, action: str, source: str = "") -> BankInfo:
    """A bank's description, or :class:`InvalidInput`."""
    try:
        info = BankInfo(name=name, category=category, action=BankAction(action), source=source)
    except (ValidationError, ValueError) as error:
        raise InvalidInput(
            f"no such bank: {name!r}, {action!r}", "use lower case; block, review or own"
        ) from error
    if name == OWN_BANK.name:
        raise InvalidInput(f"{name} is filled by what is published", "use another name", "name")
    return info


class SqlSource:
    """The database's banks as a source for the hash check (:class:`BankSource`)."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store

    def version(self) -> str:
        with self._store().read() as session:
            rows = session.execute(select(HashBank.name, HashBank.revision).order_by(HashBank.name))
            return "|".join(f"{name}:{revision}" for name, revision in rows)

    def load(self) -> list[Bank]:
        with self._store().read() as session:
            banks = list(session.scalars(select(HashBank).order_by(HashBank.name)))
            return [Bank(_info(bank), tuple(_items(session, bank.name))) for bank in banks]


@dataclass(frozen=True, slots=True)
class OwnSource:
    """Of a source only the banks that list our own output."""

    source: BankSource

    def version(self) -> str:
        return self.source.version()

    def load(self) -> list[Bank]:
        return [bank for bank in self.source.load() if bank.info.action is BankAction.OWN]


def known_as_ours(check: KnownCheck, picture: Picture) -> tuple[str, ...] | None:
    """Banks of our own output that know a picture that was read; None when there is none.

    Lists of banned content are not asked here: the answer would tell strangers how to evade them.
    """
    if not picture.samples:
        return None
    height, width = picture.samples[0].shape
    gate = FrameGate((check,), StreamInfo(width, height, check.settings.rate, len(picture.samples)))
    pixels = np.repeat(np.stack(picture.samples)[..., None], 3, axis=3)
    gate.push(Frames(pixels, np.arange(len(pixels)) / check.settings.rate))
    told = next(s for s in gate.close().signals if s.category == OWN_BANK.category)
    if told.status is not CheckStatus.RAN:
        return None
    matches = told.detail.get("matches", ())
    return tuple(f"{m['bank']}: {m['item']}" for m in matches if m["score"] > PARTIAL_SCORE)


@dataclass(frozen=True, slots=True)
class HeldBank:
    """A bank as it is listed. ``where`` is ``database``, ``file`` or ``published``."""

    info: BankInfo
    where: str
    items: int
    hashes: int

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = self.info.model_dump(mode="json")
        return {**record, "where": self.where, "items": self.items, "hashes": self.hashes}


class Banks:
    """What an operator does with banks. ``own`` tells files and hashes of our own output."""

    def __init__(
        self,
        store: Callable[[], Store],
        log: Callable[[], AuditLog],
        folder: Path,
        own: Callable[[], tuple[int, int]],
    ) -> None:
        self._store, self._log, self._own = store, log, own
        self._files = FolderSource(folder)
        self._rows = SqlSource(store)

    @property
    def sources(self) -> tuple[BankSource, ...]:
        """For the hash check: files first, then the database."""
        return (self._files, self._rows)

    def held(self) -> list[HeldBank]:
        """Every bank; raises :class:`BankInvalid` for a file that cannot be read."""
        held = [
            HeldBank(bank.info, "file", len(bank.items), sum(len(i.hashes) for i in bank.items))
            for bank in self._files.load()
        ]
        size = func.sum(func.length(HashBankItem.hashes))
        with self._store().read() as session:
            counts = {
                name: (items, int(total or 0) // BYTES)
                for name, items, total in session.execute(
                    select(HashBankItem.bank, func.count(), size).group_by(HashBankItem.bank)
                )
            }
            held += [
                HeldBank(_info(bank), "database", *counts.get(bank.name, (0, 0)))
                for bank in session.scalars(select(HashBank).order_by(HashBank.name))
            ]
        held.append(HeldBank(OWN_BANK, "published", *self._own()))
        return held

    def add(
        self,
        info: BankInfo,
        file: Path,
        limits: MediaLimits,
        actor: str = "user",
        with_keypoints: bool = True,
    ) -> HeldBank:
        """Register a picture or video, with crops and keypoints of it; the bank is made when it is
        not there.

        Raises ``MediaError`` for what is no video or image, :class:`BankInvalid` for one that is
        too plain, and :class:`Conflict` when the bank is kept in a file or is another.
        """
        items = register(file, limits, with_keypoints=with_keypoints)
        return self._put(info, items, "bank.added", actor)

    def add_sound(
        self, info: BankInfo, file: Path, limits: MediaLimits, actor: str = "user"
    ) -> HeldBank:
        """Register the sound of a file, which may have nothing else; as :meth:`add`."""
        return self._put(info, register_sound(file, limits), "bank.added", actor)

    def import_(self, info: BankInfo, lines: Iterable[str], actor: str = "user") -> HeldBank:
        """Take a list in the exchange format, whole or not at all; raises :class:`BankInvalid`."""
        items = list(read_exchange(lines, info.name))
        if not items:
            raise BankInvalid(
                f"{info.name}: no pdq or vpdq or gg-sound line in this list",
                "check the file's format",
            )
        return self._put(info, items, "bank.imported", actor)

    def export(self, name: str) -> Iterator[str]:
        """Lines of the exchange format, of a bank in the database or in a file.

        Raises :class:`NotFound`.
        """
        for bank in self._files.load():
            if bank.info.name == name:
                yield from write_exchange(bank.items)
                return
        with self._store().read() as session:
            if session.get(HashBank, name) is None:
                raise NotFound(f"there is no bank {name[:64]!r}", "see `guarded-gen banks list`")
            yield from write_exchange(_items(session, name))

    def fetched_until(self, name: str) -> int:
        """How far a bank was fetched from its exchange, in seconds since 1970; 0: never."""
        with self._store().read() as session:
            row = session.get(HashExchange, name)
        return row.until if row is not None else 0

    def exchange(self, info: BankInfo, put: Sequence[Item], gone: Sequence[str]) -> int:
        """Replace or add ``put`` by their ids and take ``gone`` out; how many went. One page of a
        fetch; the whole is put on record by :meth:`fetched`."""
        self._require_no_file(info.name)
        if not put and not gone:
            return 0

        def work(tx: Transaction) -> int:
            session = tx.session
            self._change(tx, info)
            went = 0
            for ids, counted in ((gone, True), ([item.id for item in put], False)):
                for k in range(0, len(ids), _IDS):
                    found = session.execute(
                        delete(HashBankItem).where(
                            HashBankItem.bank == info.name, HashBankItem.item.in_(ids[k : k + _IDS])
                        )
                    )
                    went += found.rowcount if counted else 0  # type: ignore[attr-defined]
            _write(tx, info.name, put)
            return went

        return self._log().write(work)

    def fetched(self, info: BankInfo, until: int, put: int, removed: int, actor: str) -> None:
        """Put a whole fetch from an exchange on record, with where the next one goes on."""

        def work(tx: Transaction) -> None:
            self._change(tx, info)
            row = HashExchange(bank=info.name, until=until, synced_at=int(time.time() * 1000))
            tx.session.merge(row)
            body = {"bank": info.name, "put": put, "removed": removed, "until": until}
            tx.append(Event(kind="bank.synced", actor=actor, body={**body, "source": info.source}))

        self._log().write(work)

    def has(self, name: str, item: str) -> bool:
        """Whether a bank of the database has an item of this id."""
        query = select(HashBankItem.id).where(HashBankItem.bank == name, HashBankItem.item == item)
        with self._store().read() as session:
            return session.scalar(query.limit(1)) is not None

    def told(self, name: str, item: str, agree: bool, actor: str) -> None:
        """Put on record that an exchange was told whether its item was right."""
        body = {"bank": name, "item": item, "agree": agree}
        self._log().append(Event(kind="bank.feedback", actor=actor, body=body))

    def remove(self, name: str, actor: str = "user") -> HeldBank:
        """Forget a bank of the database; raises :class:`NotFound` or :class:`Conflict`."""
        self._require_no_file(name)

        def work(tx: Transaction) -> HeldBank:
            bank = tx.session.get(HashBank, name)
            if bank is None:
                raise NotFound(f"there is no bank {name[:64]!r}", "see `guarded-gen banks list`")
            held = _held(tx, bank)
            tx.session.execute(delete(HashBankItem).where(HashBankItem.bank == name))
            tx.session.execute(delete(HashExchange).where(HashExchange.bank == name))
            tx.session.delete(bank)
            tx.append(Event(kind="bank.removed", actor=actor, body=_body(held)))
            return held

        return self._log().write(work)

    def _require_no_file(self, name: str) -> None:
        if any(bank.info.name == name for bank in self._files.load()):
            raise Conflict(
                f"the bank {name} is a file", f"change banks/{name}.txt in the home instead"
            )

    def _change(self, tx: Transaction, info: BankInfo) -> HashBank:
        """The bank, made when it is not there, with a new revision. Raises :class:`Conflict` when
        it is about something else."""
        session = tx.session
        bank = session.get(HashBank, info.name)
        if bank is None:
            bank = HashBank(
                name=info.name,
                category=info.category,
                action=info.action.value,
                source=info.source,
                revision=0,
                changed_at=0,
            )
            session.add(bank)
        elif (bank.category, bank.action) != (info.category, info.action.value):
            raise Conflict(
                f"the bank {info.name} is about {bank.category} and asks for {bank.action}",
                "name the same category and action, or use another bank",
            )
        bank.revision, bank.changed_at = secrets.randbits(62), int(time.time() * 1000)
        session.flush()
        return bank

    def _put(self, info: BankInfo, items: list[Item], kind: str, actor: str) -> HeldBank:
        self._require_no_file(info.name)

        def work(tx: Transaction) -> HeldBank:
            bank = self._change(tx, info)
            _write(tx, info.name, items)
            added = HeldBank(_info(bank), "database", len(items), sum(len(i.hashes) for i in items))
            tx.append(Event(kind=kind, actor=actor, body=_body(added)))
            return added

        return self._log().write(work)


def _write(tx: Transaction, bank: str, items: Sequence[Item]) -> None:
    for k in range(0, len(items), _BATCH):
        rows = [
            {
                "bank": bank,
                "item": item.id[:128],
                "kind": item.kind.value,
                "hashes": item.hashes.tobytes(),
                "frames": item.frame.astype("<i4").tobytes(),
                "places": None if item.places is None else item.places.astype("<u2").tobytes(),
            }
            for item in items[k : k + _BATCH]
        ]
        tx.session.execute(insert(HashBankItem), rows)


def _info(bank: HashBank) -> BankInfo:
    return BankInfo(
        name=bank.name,
        category=bank.category,
        action=BankAction(bank.action),
        source=bank.source,
    )


def _items(session: Any, name: str) -> Iterator[Item]:
    row = HashBankItem
    rows = session.execute(
        select(row.item, row.kind, row.hashes, row.frames, row.places)
        .where(row.bank == name)
        .order_by(row.id)
        .execution_options(yield_per=_BATCH)
    )
    for item, kind, hashes, frames, places in rows:
        found = np.frombuffer(hashes, np.uint8).reshape(-1, BYTES)
        yield Item(
            item,
            found,
            np.frombuffer(frames, "<i4").astype(np.int32),
            ItemKind(kind),
            None if places is None else _places(places),
        )


def _places(raw: bytes) -> Places:
    return np.frombuffer(raw, "<u2").astype(np.uint16).reshape(-1, 4)


def _held(tx: Transaction, bank: HashBank) -> HeldBank:
    items, size = tx.session.execute(
        select(func.count(), func.sum(func.length(HashBankItem.hashes))).where(
            HashBankItem.bank == bank.name
        )
    ).one()
    return HeldBank(_info(bank), "database", items, int(size or 0) // BYTES)


def _body(held: HeldBank) -> dict[str, Any]:
    return {
        "bank": held.info.name,
        "category": held.info.category,
        "action": held.info.action.value,
        "items": held.items,
        "hashes": held.hashes,
    }
