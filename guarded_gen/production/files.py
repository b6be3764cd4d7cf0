"""The working files of a job: its references, its draft, its signed clip.

They lie below ``work/<job>/<fence>/``: a ghost of an earlier worker writes into its own folder.
With ``share`` the draft, and later the signed clip, are kept in the object store too, under a
private prefix, so that another machine can go on with them.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guarded_gen.errors import Conflict, NotFound, StorageFailed
from guarded_gen.production.formats import FORMATS
from guarded_gen.production.line import REFERENCE
from guarded_gen.production.request import ClipRequest, FileReference, Reference, StoredReference
from guarded_gen.production.work import Gated, Rendered, Signed, Work
from media.hashing import sha256_file

if TYPE_CHECKING:
    from guarded_gen.store.objects import Storage
    from guarded_gen.store.tables.jobs import Job

DRAFT = "draft.mp4"
THUMBNAIL = "thumbnail.jpg"


class ReferenceChanged(Conflict):
    """A reference is not the file that its gate judged."""

    code = "reference_changed"


@dataclass(frozen=True, slots=True)
class WorkFiles:
    """Working files below ``root``, shared through ``storage`` when ``share`` is set."""

    root: Path
    storage: Storage
    share: bool = False

    def folder(self, work: Work) -> Path:
        """The folder of this taking of the job; private, because drafts are unmarked."""
        folder = self.root / work.id / str(work.fence)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    # references

    def with_local_references(self, work: Work) -> ClipRequest:
        """The request with every reference as a file of ours that nobody else changes.

        Copies are made once; raises :class:`NotFound` when one is gone.
        """
        local = [
            FileReference(path=str(self._local(work, number, reference)))
            for number, reference in enumerate(work.request.references)
        ]
        return work.request.model_copy(update={"references": tuple(local)})

    def with_judged_references(self, work: Work) -> ClipRequest:
        """The same, each checked to be the very file that the reference gate judged.

        Raises :class:`ReferenceChanged` for another file, or one that was never judged.
        """
        request = self.with_local_references(work)
        gate = work.outputs.get(REFERENCE)
        judged = gate.judged if isinstance(gate, Gated) else ()
        known = [one.gate.coverage.get("reference", {}).get("sha256") for one in judged]
        found = [
            sha256_file(Path(one.path))
            for one in request.references
            if isinstance(one, FileReference)
        ]
        if found != known:
            raise ReferenceChanged(
                "a file that the clip is made from is not the one that was judged",
                "ask for the clip anew",
            )
        return request

    def _local(self, work: Work, number: int, reference: Reference) -> Path:
        source = Path(reference.path if isinstance(reference, FileReference) else reference.key)
        target = self.folder(work) / f"reference{number}{source.suffix}"
        if target.is_file():
            return target
        part = target.with_name(f".{target.name}.part")
        if isinstance(reference, FileReference):
            try:
                shutil.copyfile(source, part)
            except FileNotFoundError as error:
                raise NotFound(
                    "a file that the clip is to be made from is gone", "ask for the clip anew"
                ) from error
        else:
            self.storage.fetch(reference.key, part)
        return part.replace(target)

    def shelve_references(self, work: Work) -> ClipRequest:
        """Put files of this machine into the object store, so that any worker can go on."""
        local = self.with_local_references(work)
        shelved: list[Reference] = []
        for reference, copy in zip(work.request.references, local.references, strict=True):
            if isinstance(reference, FileReference) and isinstance(copy, FileReference):
                key = f"inputs/{work.id}/{secrets.token_hex(8)}{Path(copy.path).suffix.lower()}"
                self.storage.put(key, Path(copy.path))
                reference = StoredReference(key=key)
            shelved.append(reference)
        return work.request.model_copy(update={"references": tuple(shelved)})

    # the draft

    def keep_draft(self, work: Work, draft: Path) -> None:
        """Let other machines go on with the draft, where they cannot read this disk."""
        if self.share:
            self.storage.put(draft_key(work.id), draft)

    def draft(self, work: Work, rendered: Rendered) -> Path:
        """The draft; from the object store when another machine rendered it."""
        if rendered.draft.is_file():
            return rendered.draft
        if not self.share:
            raise StorageFailed(
                "the draft lies on a machine that is gone",
                "keep the work folder on storage that all workers share, or set storage_url",
            )
        return self.storage.fetch(draft_key(work.id), self.folder(work) / DRAFT)

    # the signed clip

    def keep_signed(self, work: Work, folder: Path, suffix: str) -> None:
        if self.share:
            for name in _handed_on(suffix):
                if (folder / name).is_file():
                    self.storage.put(_signed_key(work.id, work.fence, name), folder / name)

    def signed(self, work: Work, done: Signed, suffix: str) -> Path:
        """The signed clip with its thumbnail beside it, wherever it was signed."""
        signed = done.folder / f"signed{suffix}"
        if signed.is_file():
            return signed
        if not self.share or done.fence is None:
            raise StorageFailed(
                "the signed clip lies on a machine that is gone",
                "keep the work folder on storage that all workers share, or set storage_url",
            )
        folder = self.folder(work)
        for name in _handed_on(suffix):
            with suppress(NotFound):
                self.storage.fetch(_signed_key(work.id, done.fence, name), folder / name)
        signed = folder / signed.name
        if not signed.is_file() or sha256_file(signed) != done.sha256:
            raise StorageFailed("the signed clip is gone from the store", "check storage_url")
        return signed

    # the end

    def discard(self, job: Job) -> None:
        """Remove the working files of a job that has ended, and what was stored for it alone."""
        shutil.rmtree(self.root / job.id, ignore_errors=True)
        for reference in ClipRequest.model_validate(job.request).references:
            if isinstance(reference, StoredReference):
                self.storage.remove(reference.key)
        if self.share:
            self.storage.remove(draft_key(job.id))
            for fence in range(job.fence + 1):
                for form in FORMATS:
                    for name in _handed_on(form.suffix):
                        self.storage.remove(_signed_key(job.id, fence, name))


def draft_key(job: str) -> str:
    """Where the shared draft of a job lies in the object store."""
    return f"drafts/{job}.mp4"


def _handed_on(suffix: str) -> tuple[str, ...]:
    """What another machine needs to publish a signed clip."""
    return (f"signed{suffix}", THUMBNAIL)


def _signed_key(job: str, fence: int, name: str) -> str:
    """Private, and of one fence: a ghost's file never takes the place of its successor's."""
    return f"drafts/{job}/{fence}/{name}"
