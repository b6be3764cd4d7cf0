"""What is wrong with an installation, and what to do about it.

Nothing is changed: no database is migrated, no key is made. Each check runs in a thread of its
own and is given up after :data:`WITHIN_S` seconds.
"""

from __future__ import annotations

import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from guarded_gen.errors import StorageFailed, describe
from guarded_gen.store import migrate
from guarded_gen.store.objects import Storage

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services

WITHIN_S = 20.0
_CLOCK_S = 2.0
_SOON_DAYS = 30
_ALIVE_MS = 30_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class HealthState(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """What one check found; ``remedy`` says what to do, empty where nothing is to be done."""

    check: str
    state: HealthState
    said: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


Said = tuple[HealthState, str, str]
Check = Callable[["Services"], Iterator[Said]]


def examine(
    services: Services, told: Callable[[str], None], within_s: float = WITHIN_S
) -> list[HealthFinding]:
    """Every finding of every check, in order; ``told`` gets each check's name as it begins."""
    found: list[HealthFinding] = []
    for name, check in CHECKS.items():
        if any(one.state is HealthState.FAIL and one.check in NEEDS.get(name, ()) for one in found):
            continue  # that is wrong because of what was found before
        told(name)
        said: list[Said] = []
        thread = threading.Thread(target=_run, args=(check, services, said), daemon=True)
        thread.start()
        thread.join(within_s)
        if thread.is_alive():
            said = [
                (HealthState.FAIL, f"no answer within {within_s:g} s", "see whether it is stopped")
            ]
        found += [HealthFinding(name, *one) for one in said]
    return found


def _run(check: Check, services: Services, said: list[Said]) -> None:
    try:
        found = list(check(services))
    except Exception as error:  # noqa: BLE001 - that it failed is the finding
        known = describe(error, local=True)
        found = [(HealthState.FAIL, known.message, known.remedy or "see the message")]
    said += found


def home(services: Services) -> Iterator[Said]:
    folder = services.settings.home
    if not folder.is_dir():
        yield HealthState.FAIL, f"{folder} does not exist", "run: guarded-gen init"
        return
    if folder.stat().st_mode & _OTHERS:
        yield HealthState.FAIL, f"others may look into {folder}", f"run: chmod 700 {folder}"
        return
    with tempfile.TemporaryFile(dir=folder):
        yield HealthState.OK, str(folder), ""


def disk(services: Services) -> Iterator[Said]:
    settings = services.settings
    free = shutil.disk_usage(_existing(settings.home)).free
    least = settings.limits.min_free_bytes
    state = (
        HealthState.FAIL
        if free < least
        else HealthState.WARN
        if free < 4 * least
        else HealthState.OK
    )
    remedy = "" if state is HealthState.OK else "make room: below the limit no job is taken in"
    yield state, f"{free / 2**30:.1f} GiB free, {least / 2**30:.1f} GiB are the limit", remedy


def database(services: Services) -> Iterator[Said]:
    settings = services.settings
    url = make_url(settings.sqlalchemy_url)
    name = url.render_as_string()
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        if not path.exists():
            yield HealthState.FAIL, f"{path} does not exist", "run: guarded-gen init"
            return
        inside = path.resolve().is_relative_to(settings.home.resolve())
        if not inside and path.stat().st_mode & _OTHERS:
            yield HealthState.WARN, f"others may read {path}", f"run: chmod 600 {path}"
    with _connected(services) as connection:
        at, newest = migrate.current(connection), migrate.revisions()[-1]
        if at is None or at not in migrate.revisions():
            yield (
                HealthState.FAIL,
                f"{name}: schema {at}",
                "run guarded-gen init, or a newer version",
            )
        elif at != newest:
            yield HealthState.WARN, f"{name}: schema {at} of {newest}", "the next start migrates it"
        else:
            yield HealthState.OK, f"{name}, schema {at}", ""


def clock(services: Services) -> Iterator[Said]:
    """Against the database's server, or against the newest entry of the log."""
    with _connected(services) as connection:
        if connection.dialect.name == "postgresql":
            there = connection.execute(
                sa.text("SELECT extract(epoch FROM clock_timestamp())")
            ).scalar_one()
            apart = abs(float(there) - time.time())
            if apart > _CLOCK_S:
                yield (
                    HealthState.FAIL,
                    f"{apart:.1f} s from the database's",
                    "run NTP on both machines",
                )
                return
            yield HealthState.OK, f"{apart:.2f} s from the database's", ""
            return
        newest = connection.execute(sa.text("SELECT max(time) FROM audit_entry")).scalar()
    if newest is not None and newest / 1000 > time.time() + _CLOCK_S:
        yield HealthState.FAIL, "the log has entries of the future", "set the clock; run NTP"
        return
    yield HealthState.OK, datetime.now(UTC).isoformat(timespec="seconds"), ""


def store(services: Services) -> Iterator[Said]:
    settings = services.settings
    storage = Storage(settings.storage_url or str(settings.media_folder), settings.storage_options)
    storage.check()
    key = f"doctor/{secrets.token_hex(8)}"
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"guarded-gen")
        file.flush()
        storage.put(key, Path(file.name))
    try:
        if b"".join(storage.chunks(key, 0, 11)) != b"guarded-gen":
            raise StorageFailed("the store gives back other bytes than it got", "see its logs")
    finally:
        with suppress(StorageFailed):
            storage.remove(key)
    yield HealthState.OK, settings.storage_url or str(settings.media_folder), ""


def keys(services: Services) -> Iterator[Said]:
    folder = services.settings.keys_folder
    if not (folder / "audit").is_dir():
        yield (
            HealthState.FAIL,
            f"{folder} lacks the log's keys",
            "restore them, or: guarded-gen init",
        )
        return
    yield HealthState.OK, str(folder), ""


def certificate(services: Services) -> Iterator[Said]:
    for alert in services.signing.alerts():
        grave = alert.startswith(("nothing can be signed", "the newest signing identity"))
        remedy = "renew the certificate, or the list: guarded-gen trust --help"
        yield HealthState.FAIL if grave else HealthState.WARN, alert, remedy
    identity = services.identity
    ends = min(c.not_valid_after_utc for c in identity.chain)
    days = (ends - datetime.now(UTC)).days
    own = (services.settings.keys_folder / "identities").is_dir()
    if not own and services.settings.signing.chain is None:
        yield (
            HealthState.WARN,
            "a development certificate signs: nobody else trusts it",
            "get one from a certification authority on the C2PA trust list",
        )
    state = HealthState.WARN if days < _SOON_DAYS else HealthState.OK
    remedy = "renew it" if state is HealthState.WARN else ""
    yield state, f"valid for {days} days, until {ends:%Y-%m-%d}", remedy


def trust_lists(services: Services) -> Iterator[Said]:
    """Lists that cannot be believed any more are alerts of the certificate's check."""
    services.signing.trust()
    names = [held.name for held in services.signing.store.lists()]
    yield (
        HealthState.OK,
        f"{len(names)} lists besides our own root: {', '.join(names) or 'none'}",
        "",
    )


def weights(services: Services) -> Iterator[Said]:
    from classifiers.registry import Delivery

    absent, good = [], 0
    for status in services.registry.status():
        if status.state == "present":
            good += 1
        elif status.pin.delivery is Delivery.PACKAGED or status.state != "weights_missing":
            yield (
                HealthState.FAIL,
                f"{status.pin.name}: {status.state}",
                "install guarded-gen again",
            )
        else:
            absent.append(status.pin.name)
    yield HealthState.OK, f"{good} files are the pinned ones", ""
    if absent:
        yield (
            HealthState.WARN,
            f"not here, so their checks are skipped: {', '.join(absent)}",
            "run for each: guarded-gen models fetch NAME",
        )


def video(services: Services) -> Iterator[Said]:
    """The libraries that read and write videos come with PyAV; no program is called."""
    import av

    for name in ("libx264", "aac"):
        try:
            av.codec.Codec(name, "w")
        except (av.codec.codec.UnknownCodecError, ValueError):
            yield (
                HealthState.FAIL,
                f"PyAV has no encoder {name}",
                "install PyAV from its own wheels",
            )
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    yield HealthState.OK, f"PyAV {av.__version__}, libavcodec {version}", ""


def gpu(services: Services) -> Iterator[Said]:
    neural = services.generator(services.settings.backend).capabilities().neural
    try:
        import torch
    except ImportError:
        yield HealthState.OK, "torch is not installed; the backend needs none", ""
        return
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        yield HealthState.OK, f"{name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free", ""
    elif neural and services.settings.backend != "remote":
        yield (
            HealthState.WARN,
            "none: clips are sampled on the processor",
            "install a driver and CUDA",
        )
    else:
        yield HealthState.OK, f"none; the backend {services.settings.backend} needs none here", ""


def workers(services: Services) -> Iterator[Said]:
    with _connected(services) as connection:
        now = int(time.time() * 1000)
        live = connection.execute(
            sa.text("SELECT count(*) FROM worker WHERE heartbeat_at > :since"),
            {"since": now - _ALIVE_MS},
        ).scalar_one()
        waiting = connection.execute(
            sa.text("SELECT count(*) FROM job WHERE status = 'queued' AND review IS NULL")
        ).scalar_one()
    if waiting and not live:
        yield HealthState.FAIL, f"none, and {waiting} jobs wait", "run: guarded-gen worker"
    else:
        yield HealthState.OK, f"{live} live, {waiting} jobs wait", ""


def access(services: Services) -> Iterator[Said]:
    with _connected(services) as connection:
        count = connection.execute(
            sa.text("SELECT count(*) FROM api_key WHERE revoked_at IS NULL")
        ).scalar_one()
    if not count:
        yield (
            HealthState.WARN,
            "no API key: only this machine may come in",
            "guarded-gen keys create",
        )
    else:
        yield HealthState.OK, f"{count} API keys", ""
    if not services.settings.api.public_url:
        yield (
            HealthState.WARN,
            "api.public_url is not set: links take the host that a request names, or none",
            "set api.public_url to the address that clients use",
        )


CHECKS: dict[str, Check] = {
    "home": home,
    "disk": disk,
    "database": database,
    "clock": clock,
    "store": store,
    "keys": keys,
    "certificate": certificate,
    "trust lists": trust_lists,
    "weights": weights,
    "video": video,
    "gpu": gpu,
    "workers": workers,
    "access": access,
}


NEEDS = {
    **dict.fromkeys(("database", "store", "keys", "certificate", "trust lists"), ("home",)),
    **dict.fromkeys(("clock", "workers", "access"), ("home", "database")),
}
"""Checks that say nothing of their own while one of those failed."""


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder.parent == folder else _existing(folder.parent)


def _connected(services: Services) -> sa.Connection:
    from guarded_gen.store.engine import reading_engine

    return reading_engine(services.settings, WITHIN_S / 2).connect()
