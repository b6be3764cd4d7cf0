"""What may be seen of a clip while it is being made, where the operator wants that.

The picture lies in the store under a private key, and the job's row names it: only what the row
names is ever sent. It is taken away when a later look is not allowed, before the output gate
judges the whole clip, and when the job ends in any way.
"""

from __future__ import annotations

import logging
from pathlib import Path

from guarded_gen.jobs.book import PREVIEW, JobBook
from guarded_gen.jobs.errors import Fenced
from guarded_gen.jobs.runner import Ticket
from guarded_gen.jobs.storage import Storage
from guarded_gen.pipeline import events
from guarded_gen.pipeline.previews import make_preview, showable
from guarded_gen.pipeline.stages import Look
from guarded_gen.request import ClipRequest
from guarded_gen.services import Services
from guarded_gen.store.tables.jobs import Job

_log = logging.getLogger(__name__)


class Showing:
    """Shows and takes back previews of jobs that this process renders."""

    def __init__(self, services: Services, book: JobBook, storage: Storage) -> None:
        self._services = services
        self._book = book
        self._storage = storage

    def look(self, ticket: Ticket, request: ClipRequest, look: Look, folder: Path) -> None:
        """Show an allowed look, take back what was shown after any other.

        A preview that cannot be made, stored or noted is left out: the clip does not need it.
        """
        if not self._services.settings.jobs.previews:
            return
        try:
            if showable(look.result):
                self._show(ticket, request, look, folder)
            else:
                self._book.show(ticket.job.id, ticket.fence, None)
                self.remove(ticket.job)
        except Fenced:
            self._storage.remove(_key(ticket.job.id, ticket.fence))
        except Exception:  # noqa: BLE001 - see above
            _log.exception("no preview", extra={"event": "preview_failed"})

    def _show(self, ticket: Ticket, request: ClipRequest, look: Look, folder: Path) -> None:
        job, key = ticket.job.id, _key(ticket.job.id, ticket.fence)
        made = make_preview(self._services, request, job, look, folder)
        self._storage.put(key, made.path)
        shown = {"key": key, "sha256": made.sha256, "step": made.step, "of": made.total}
        event = events.previewed(request, job, made.sha256, made.manifest, look)
        if not self._book.show(job, ticket.fence, shown, event):
            self._storage.remove(key)

    def remove(self, job: Job) -> None:
        """Remove the pictures of every worker that had the job up to this fence."""
        if not self._services.settings.jobs.previews and PREVIEW not in job.details:
            return
        for fence in range(1, job.fence + 1):
            self._storage.remove(_key(job.id, fence))


def _key(job: str, fence: int) -> str:
    return f"drafts/{job}/{fence}/preview.jpg"
