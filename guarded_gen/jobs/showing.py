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
from guarded_gen.production import events
from guarded_gen.production.parts import Look
from guarded_gen.production.previews import Previewer, showable
from guarded_gen.production.work import Work
from guarded_gen.store.objects import Storage
from guarded_gen.store.tables.jobs import Job

_log = logging.getLogger(__name__)


class PreviewStore:
    """Shows and takes back previews of jobs that this process renders.

    ``on``: the operator wants previews; without, nothing is ever shown.
    """

    def __init__(self, previewer: Previewer, book: JobBook, storage: Storage, on: bool) -> None:
        self._previewer = previewer
        self._book = book
        self._storage = storage
        self._on = on

    def look(self, work: Work, look: Look, folder: Path) -> None:
        """Show an allowed look, take back what was shown after any other.

        A preview that cannot be made, stored or noted is left out: the clip does not need it.
        """
        if not self._on:
            return
        try:
            if showable(look.result):
                self._show(work, look, folder)
            else:
                self._book.show(work.id, work.fence, None)
                self.take_back(work)
        except Fenced:
            self._storage.remove(_key(work.id, work.fence))
        except Exception:  # noqa: BLE001 - see above
            _log.exception("no preview", extra={"event": "preview_failed"})

    def _show(self, work: Work, look: Look, folder: Path) -> None:
        key = _key(work.id, work.fence)
        made = self._previewer.make(work.request, work.id, look, folder)
        self._storage.put(key, made.path)
        shown = {"key": key, "sha256": made.sha256, "step": made.step, "of": made.total}
        event = events.previewed(work.request, work.id, made.sha256, made.manifest, look)
        if not self._book.show(work.id, work.fence, shown, event):
            self._storage.remove(key)

    def take_back(self, work: Work) -> None:
        """Remove the pictures of every worker that had the job up to this one."""
        if self._on:
            self._remove(work.id, work.fence)

    def remove(self, job: Job) -> None:
        """The same for a job that has ended, also one that was shown before previews were off."""
        if self._on or PREVIEW in job.details:
            self._remove(job.id, job.fence)

    def _remove(self, job: str, last: int) -> None:
        for fence in range(1, last + 1):
            self._storage.remove(_key(job, fence))


def _key(job: str, fence: int) -> str:
    return f"drafts/{job}/{fence}/preview.jpg"
