"""The desk of the gravest cases, and whose clip a file is, over this installation's services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from guarded_gen.preservation.desk import Desk
from guarded_gen.production.held_files import HeldFiles
from media.decode import decode
from provenance.recovery import RecoveryState

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.store.objects import Storage


def desk_of(services: Services, storage: Storage) -> Desk:
    """Evidence lies below ``evidence/`` of the home, sealed."""
    settings = services.settings
    files = HeldFiles(services.store, storage, settings.work_folder)
    return Desk(services.log, settings.preservation, settings.home / "evidence", files.of)


def clip_shown_by(services: Services) -> Callable[[Path], str | None]:
    """Which clip of ours a file shows, by its credentials, its mark or its look."""

    def found(path: Path) -> str | None:
        """The clip's id; raises ``MediaError`` for a file that shows nothing."""
        next(iter(decode(path, services.settings.limits.media)))
        recovery = services.origin.report(path, deep=True).recovery
        known = recovery.state in (RecoveryState.RECOVERED, RecoveryState.UNCONFIRMED)
        return recovery.match.content_id if known and recovery.match is not None else None

    return found
