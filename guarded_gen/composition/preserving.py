"""The desk of the gravest cases over this installation's services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guarded_gen.preservation.desk import Desk
from guarded_gen.production.held_files import HeldFiles

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.store.objects import Storage


def desk_of(services: Services, storage: Storage) -> Desk:
    """Evidence lies below ``evidence/`` of the home, sealed."""
    settings = services.settings
    files = HeldFiles(services.store, storage, settings.work_folder)
    return Desk(services.log, settings.preservation, settings.home / "evidence", files.of)
