"""The files of a case, while they exist here or in the shared storage."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from guarded_gen.errors import GuardedGenError, NotFound
from guarded_gen.preservation.removal import KIND as REMOVAL
from guarded_gen.production.files import draft_key
from guarded_gen.production.line import GENERATE
from guarded_gen.production.request import ClipRequest, FileReference
from guarded_gen.production.work import Rendered
from guarded_gen.store import Store
from guarded_gen.store.objects import Storage
from guarded_gen.store.tables.jobs import Job, JobStage
from guarded_gen.store.tables.preservation import RemovalRequest
from guarded_gen.store.tables.review import ReviewCase
from policies.decision import Stage


@dataclass(frozen=True, slots=True)
class HeldFiles:
    """Finds them, and fetches private copies below ``work_folder`` where they lie elsewhere."""

    store: Store
    storage: Storage
    work_folder: Path

    def of(self, case: ReviewCase) -> tuple[Path, ...]:
        """Of a held clip its private draft; of a held prompt or reference every file that the
        clip is to be made from. Empty when there is nothing, or nothing can be had."""
        try:
            if case.kind == REMOVAL:
                return self.removal(case)
            if case.stage == Stage.OUTPUT.value:
                return self._draft(case)
            return self._references(case)
        except (GuardedGenError, OSError):
            return ()

    def removal(self, case: ReviewCase) -> tuple[Path, ...]:
        """Of a request for removal what was sent, and the published video if it is ours.

        Raises ``StorageFailed`` when the storage does not answer; what is gone is left out.
        """
        with self.store.read() as session:
            asked = session.scalar(select(RemovalRequest).where(RemovalRequest.case == case.id))
            job = session.get(Job, case.item)
        keys = [asked.upload] if asked is not None and asked.upload else []
        published = (job.assets or {}).get("video") if job is not None else None
        keys += [published["key"]] if published else []
        found: list[Path] = []
        for number, key in enumerate(keys):
            with contextlib.suppress(NotFound):
                name = f"removal{number}{Path(key).suffix}"
                found.append(self._fetched(case, key, name))
        return tuple(found)

    def _draft(self, case: ReviewCase) -> tuple[Path, ...]:
        with self.store.read() as session:
            row = session.get(JobStage, (case.item, GENERATE))
        if row is None:
            return ()
        rendered = Rendered.read(row.output)
        if not rendered.frames:
            return ()
        if rendered.draft.is_file():
            return (rendered.draft,)
        if self.storage.local is not None:
            return ()
        return (self._fetched(case, draft_key(case.item), "draft.mp4"),)

    def _references(self, case: ReviewCase) -> tuple[Path, ...]:
        with self.store.read() as session:
            job = session.get(Job, case.item)
        if job is None:
            return ()
        found: list[Path] = []
        for number, one in enumerate(ClipRequest.model_validate(job.request).references):
            if isinstance(one, FileReference):  # held before references were put into the store
                path = Path(one.path)
            else:
                path = self._fetched(case, one.key, f"reference{number}{Path(one.key).suffix}")
            if path.is_file():
                found.append(path)
        return tuple(found)

    def _fetched(self, case: ReviewCase, key: str, name: str) -> Path:
        path = self.work_folder / case.item / "review" / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f"{uuid.uuid4().hex}.part")
            try:
                self.storage.fetch(key, part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return path
