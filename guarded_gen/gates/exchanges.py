"""Hash exchanges: NCMEC's and StopNCII's lists into banks, and our feedback back to them.

The clients are those of the package ``threatexchange`` (extra ``exchange``). A fetch goes on where
the last one ended: what is new or changed replaces the item of the same id, what was withdrawn
goes. Each page is one transaction, so that a fetch that breaks off keeps what it has, and the
point to go on from moves only at the end. Only PDQ hashes of pictures can be compared here; the
others are counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from classifiers.frame.banks import Item, item_of
from guarded_gen.errors import ConfigInvalid, GuardedGenError, InvalidInput, NotFound
from guarded_gen.gates.banks import Banks, bank_info
from guarded_gen.settings.exchanges import ExchangeSettings
from media.hashing import from_hex

if TYPE_CHECKING:
    from threatexchange.exchanges.clients.ncmec.hash_api import NCMECHashAPI
    from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI

OVERLAP_S = 86_400
"""A fetch begins this long before the end of the last one: the library writes local times as UTC,
and the service's clock may differ from ours. Entries are replaced, so twice does no harm."""
_GONE = ("Withdrawn", "Deleted")


class ExchangeUnreachable(GuardedGenError):
    """The exchange did not answer, or not in its own language."""

    code = "exchange_unreachable"


class ExchangeRefused(GuardedGenError):
    """The exchange does not know this login or key."""

    code = "exchange_refused"


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a fetch: items to put, ids to remove, and how many signals of other kinds."""

    put: Sequence[Item]
    gone: Sequence[str]
    passed_over: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What a fetch did. ``until`` in seconds since 1970: where the next one goes on."""

    bank: str
    put: int
    removed: int
    passed_over: int
    until: int

    def to_json(self) -> dict[str, Any]:
        return {
            "bank": self.bank,
            "put": self.put,
            "removed": self.removed,
            "passed_over": self.passed_over,
            "until": self.until,
        }


@dataclass(slots=True)
class _Ncmec:
    """NCMEC's hash sharing service, version 2; an item is ``ncmec:MEMBER:ENTRY``."""

    settings: ExchangeSettings
    until: int = 0
    client: NCMECHashAPI = field(init=False)

    def __post_init__(self) -> None:
        from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEnvironment, NCMECHashAPI

        self.client = NCMECHashAPI(
            self.settings.username,
            self.settings.password.get_secret_value(),
            NCMECEnvironment.test_Industry,
        )
        # The library knows its addresses as members of an enumeration only; the operator's
        # agreement names which one, and it may be a newer one.
        self.client._base_url = self.settings.url.rstrip("/")

    def pages(self, since: int) -> Iterator[Page]:
        self.until = int(time.time()) - 5
        found = self.client.get_entries_iter(
            start_timestamp=max(0, since - OVERLAP_S), end_timestamp=self.until
        )
        for answer in found:
            put: list[Item] = []
            gone: list[str] = []
            passed = 0
            for entry in answer.updates:
                id = f"ncmec:{entry.member_id}:{entry.id}"
                pdq = entry.fingerprints.get("pdq") or entry.fingerprints.get("PDQ")
                passed += len(entry.fingerprints) - bool(pdq)
                if entry.deleted:
                    gone.append(id)
                elif pdq and entry.entry_type.value == "image":
                    put.append(_item(id, pdq))
            yield Page(put, gone, passed)

    def feedback(self, item: str, agree: bool, reason: str | None) -> None:
        from threatexchange.exchanges.clients.ncmec.hash_api import FeedbackType, FingerprintType

        _, member, entry = item.split(":", 2)
        kind = FeedbackType.upvote if agree else FeedbackType.downvote
        if not agree and reason is None:
            reasons = self.client.feedback_reasons(FingerprintType.pdq)
            if len(reasons) != 1:
                listed = "; ".join(f"{guid}: {name}" for guid, name in reasons.items())
                raise InvalidInput(
                    f"NCMEC asks why: {listed}", "say --reason with one of these numbers", "reason"
                )
        self.client.submit_feedback(int(member), entry, FingerprintType.pdq, kind, reason)


@dataclass(slots=True)
class _StopNcii:
    """StopNCII.org's service, version 1; an item is ``stopncii:HASH``."""

    settings: ExchangeSettings
    until: int = 0
    client: StopNCIIAPI = field(init=False)

    def __post_init__(self) -> None:
        from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI, StopNCIIEndpoint

        self.client = StopNCIIAPI(
            self.settings.subscription_key.get_secret_value(),
            self.settings.fetch_key.get_secret_value(),
            {StopNCIIEndpoint.SubmitFeedback: self.settings.feedback_key.get_secret_value()},
            self.settings.url.rstrip("/") or None,
        )

    def pages(self, since: int) -> Iterator[Page]:
        for answer in self.client.fetch_hashes_iter(start_timestamp=max(10, since)):
            put: list[Item] = []
            gone: list[str] = []
            passed = 0
            for record in answer.hashRecords:
                id = f"stopncii:{record.hashValue}"
                if record.signalType.value != "ImagePDQ":
                    passed += 1
                elif record.hashStatus.value in _GONE:
                    gone.append(id)
                else:
                    put.append(_item(id, record.hashValue))
            self.until = answer.nextSetTimestamp
            yield Page(put, gone, passed)

    def feedback(self, item: str, agree: bool, reason: str | None) -> None:
        from threatexchange.exchanges.clients.stopncii.api import (
            StopNCIICSPFeedbackValue,
            StopNCIISignalType,
        )

        if not self.settings.feedback_key.get_secret_value():
            raise ConfigInvalid(
                "this exchange has no feedback_key", "ask StopNCII.org for one and set it"
            )
        value = StopNCIICSPFeedbackValue.Blocked if agree else StopNCIICSPFeedbackValue.NotBlocked
        self.client.submit_feedback(
            StopNCIISignalType.ImagePDQ, item.partition(":")[2], value, {reason} if reason else None
        )


class Exchange(Protocol):
    """One service. ``until`` is where the next fetch goes on, once all pages were read."""

    until: int

    def pages(self, since: int) -> Iterator[Page]: ...
    def feedback(self, item: str, agree: bool, reason: str | None) -> None: ...


def _exchange(settings: ExchangeSettings) -> Exchange:
    return _Ncmec(settings) if settings.kind == "ncmec" else _StopNcii(settings)


class Exchanges:
    """The exchanges of the settings, over the banks."""

    def __init__(self, settings: Sequence[ExchangeSettings], banks: Banks) -> None:
        self._settings = {one.bank: one for one in settings}
        self._banks = banks

    def names(self) -> list[str]:
        """The banks that exchanges fill."""
        return list(self._settings)

    def sync(self, bank: str, actor: str = "user") -> Synced:
        """Fetch what is new into a bank.

        Raises :class:`NotFound`, :class:`ExchangeRefused`, :class:`ExchangeUnreachable`.
        """
        settings = self._of(bank)
        info = bank_info(bank, settings.category, settings.action, settings.kind)
        put = removed = passed = 0
        with _told(settings):
            exchange = _exchange(settings)
            for page in exchange.pages(self._banks.fetched_until(bank)):
                put += len(page.put)
                removed += self._banks.exchange(info, page.put, page.gone)
                passed += page.passed_over
        self._banks.fetched(info, exchange.until, put, removed, actor)
        return Synced(bank, put, removed, passed, exchange.until)

    def feedback(
        self, bank: str, item: str, agree: bool, reason: str | None = None, actor: str = "user"
    ) -> None:
        """Tell the exchange whether a match was right; on record. Raises as :meth:`sync` does."""
        settings = self._of(bank)
        if not self._banks.has(bank, item):
            raise NotFound(f"{bank} has no item {item[:80]!r}", "take it from the match's detail")
        with _told(settings):
            _exchange(settings).feedback(item, agree, reason)
        self._banks.told(bank, item, agree, actor)

    def _of(self, bank: str) -> ExchangeSettings:
        found = self._settings.get(bank)
        if found is None:
            raise NotFound(
                f"no exchange fills the bank {bank[:64]!r}",
                "add one to `exchanges` of the settings",
            )
        return found


def _item(id: str, pdq: str) -> Item:
    return item_of(id[:128], [(0, from_hex(pdq.strip().lower()), 100)])


class _told:
    """Faults of the exchange as errors with a remedy; a missing package says how to get it."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._where = urlsplit(settings.url).hostname or settings.kind

    def __enter__(self) -> None:
        try:
            import threatexchange  # noqa: F401
        except ImportError as error:
            raise ConfigInvalid(
                "exchanges need a package that is not installed",
                "pip install 'guarded-gen[exchange]'",
            ) from error

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        import requests

        if error is None or isinstance(error, GuardedGenError) or not isinstance(error, Exception):
            return
        if isinstance(error, requests.HTTPError) and error.response is not None:
            code = error.response.status_code
            if code in (401, 403):
                raise ExchangeRefused(
                    f"{self._where} answered {code}", "check the login or keys of this exchange"
                ) from error
            raise ExchangeUnreachable(
                f"{self._where} answered {code}", "try again later"
            ) from error
        if isinstance(error, requests.RequestException):
            raise ExchangeUnreachable(
                f"{self._where} did not answer", "check the address and the network; try again"
            ) from error
        raise ExchangeUnreachable(
            f"{self._where} answered something that cannot be read", "see the log at debug level"
        ) from error
