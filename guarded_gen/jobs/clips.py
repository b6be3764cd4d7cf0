"""The stages of a clip or picture, bound to the pipeline.

Working files lie below ``work/<job>/<fence>/``: a ghost of an earlier worker writes into its own
folder. With an object store the draft, and later the signed clip, are kept there too, under a
private prefix, so that another machine can go on with them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from generator.base import Step
from guarded_gen.audit import Event, Transaction
from guarded_gen.errors import NotFound, StorageFailed
from guarded_gen.gates import GateResult
from guarded_gen.jobs.book import JobBook, withdraw
from guarded_gen.jobs.plan import PROMPT, REFERENCE
from guarded_gen.jobs.runner import Effects, Ticket
from guarded_gen.jobs.showing import Showing
from guarded_gen.jobs.storage import Storage
from guarded_gen.pipeline import events, stages
from guarded_gen.pipeline.stages import Rendered
from guarded_gen.request import ClipRequest
from guarded_gen.review.held import hold, look_of
from guarded_gen.services import Services
from guarded_gen.store.tables.jobs import Job
from media.decode import decode
from media.hashing import sha256_file
from media.limits import MediaLimits
from policies.decision import Action

_RENDER_SHARE = 65


class ClipStages:
    """Implements :class:`~guarded_gen.jobs.runner.Stages` over the pipeline."""

    def __init__(
        self, services: Services, book: JobBook, storage: Storage, share_work: bool
    ) -> None:
        self._services = services
        self._book = book
        self._storage = storage
        self._share = share_work
        self._showing = Showing(services, book, storage)

    def run(self, stage: str, ticket: Ticket) -> Effects:
        request = request_of(ticket.job)
        work: Effects = getattr(self, f"_{stage}")(ticket, request)
        return work

    def failure(self, job: Job, stage: str, code: str) -> Event | None:
        return events.failed(request_of(job), job.id, stage, code, _last(job))

    def discard(self, job: Job) -> None:
        shutil.rmtree(self._services.settings.work_folder / job.id, ignore_errors=True)
        self._showing.remove(job)
        if self._share:
            self._storage.remove(_draft_key(job))
            for fence in range(1, job.fence + 1):
                for name in _handed_on(job):
                    self._storage.remove(_signed_key(job.id, fence, name))

    def _folder(self, ticket: Ticket) -> Path:
        folder = self._services.settings.work_folder / ticket.job.id / str(ticket.fence)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    # the stages

    def _reference(self, ticket: Ticket, request: ClipRequest) -> Effects:
        local = self._with_local_references(ticket, request)
        # All of them, since one approval releases the job: a reviewer's case stands on the first
        # that is not allowed, and nothing that would be blocked may hide behind it.
        results = stages.gate_references(self._services, local, whole=True)

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            judged: list[dict[str, Any]] = []
            for result in results:
                decision = _decided(tx, job, request, result)
                judged.append({"decision": decision, "gate": result.to_json()})
            output: dict[str, Any] = {"judged": judged}
            worst = _worst(results)
            if worst is None:
                return output
            decision = str(judged[worst]["decision"])
            halt = self._halted(
                tx, job, request, results[worst], decision, "a reference was refused by the policy"
            )
            return {**output, "halt": halt, "draft": local.references[worst]}

        return effects

    def _generate(self, ticket: Ticket, request: ClipRequest) -> Effects:
        def on_step(step: Step) -> None:
            ticket.wanted(int(_RENDER_SHARE * step.index / max(1, step.total)))

        local = self._with_local_references(ticket, request)
        folder = self._folder(ticket)
        rendered = stages.render(
            self._services, local, folder, on_step, ticket.stop,
            lambda look: self._showing.look(ticket, request, look, folder),
        )  # fmt: skip
        if self._share and rendered.frames:
            self._storage.put(_draft_key(ticket.job), rendered.draft)
        capabilities = self._services.generator(request.backend).capabilities()

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            entry = _last(job)
            if rendered.frames:
                entry = tx.append(
                    events.generated(
                        request, job.id, capabilities, rendered.caption, rendered.frames, entry
                    )
                )
            return {**rendered.to_json(), "entry": entry}

        return effects

    def _output(self, ticket: Ticket, request: ClipRequest) -> Effects:
        self._showing.remove(ticket.job)
        rendered = self._rendered(ticket)
        result = stages.gate_output(self._services, request, rendered)
        look = None
        if result.decision.action is Action.REVIEW and rendered.frames:
            look = look_of(rendered.draft, rendered.frames)

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            withdraw(job)
            decision = _decided(tx, job, request, result)
            halt = self._halted(
                tx, job, request, result, decision, "the clip was refused by the output gate", look
            )
            output = {"decision": decision, "gate": result.to_json()}
            return {**output, "halt": halt} if halt else output

        return effects

    def _encode(self, ticket: Ticket, request: ClipRequest) -> Effects:
        folder = self._folder(ticket)
        self._mark(ticket, request, folder)
        return lambda tx, job: {"folder": str(folder)}

    def _sign(self, ticket: Ticket, request: ClipRequest) -> Effects:
        folder = self._finished(ticket, request)
        gates = {
            ticket.outputs[name]["decision"]: GateResult.from_json(ticket.outputs[name]["gate"])
            for name in (PROMPT, "output")
        }
        for judged in ticket.outputs.get(REFERENCE, {}).get("judged", ()):
            gates[judged["decision"]] = GateResult.from_json(judged["gate"])
        signed = stages.sign(
            self._services,
            self._with_local_references(ticket, request),
            ticket.job.id,
            gates,
            folder,
            folder / f"signed{_ending(ticket.job)}",
            [made for made in ticket.job.decisions if made["stage"] == "review"],
        )
        manifest = signed.manifest_label
        if self._share:
            for name in _handed_on(ticket.job):
                if (folder / name).is_file():
                    self._storage.put(_signed_key(ticket.job.id, ticket.fence, name), folder / name)

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            # on record before it can be seen: a file that is out there is always in the log
            entry = tx.append(events.signed(request, job.id, signed.sha256, manifest, _last(job)))
            return {
                "folder": str(folder), "sha256": signed.sha256, "manifest": manifest,
                "entry": entry, "fence": ticket.fence,
            }  # fmt: skip

        return effects

    def _publish(self, ticket: Ticket, request: ClipRequest) -> Effects:
        signed = self._signed(ticket, request)
        folder = signed.parent
        sha256 = str(ticket.outputs["sign"]["sha256"])
        prefix = f"clips/{ticket.job.id}"
        ending = _ending(ticket.job)
        assets: dict[str, dict[str, Any]] = {}
        for variant, path, key, media_type in (
            ("video", signed, f"{prefix}/{sha256[:16]}{ending}", _TYPES[ending]),
            ("thumbnail", folder / "thumbnail.jpg", f"{prefix}/thumbnail.jpg", "image/jpeg"),
            ("spritesheet", folder / "spritesheet.jpg", f"{prefix}/spritesheet.jpg", "image/jpeg"),
        ):
            if path.is_file():
                self._storage.put(key, path)
                size = path.stat().st_size
                assets[variant] = {"key": key, "bytes": size, "type": media_type}
        assets["video"]["sha256"] = sha256
        manifest = str(ticket.outputs["sign"]["manifest"])

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            entry = tx.append(events.published(request, job.id, sha256, _last(job)))
            job.assets = assets
            job.bytes = sum(asset["bytes"] for asset in assets.values())
            job.provenance = {"manifest": manifest, "sha256": sha256, "log_entry": entry}
            return {"entry": entry}

        return effects

    def _halted(
        self, tx: Transaction, job: Job, request: ClipRequest, result: GateResult,
        decision: str, refused: str, look: str | None = None,
    ) -> str:  # fmt: skip
        """Act on a gate's decision: end the job, hold it for a person, or let it go on ("")."""
        if result.decision.action is Action.BLOCK:
            reason = {"decision_id": decision, "reason_code": result.decision.reason}
            self._book.end(tx, job, "moderation_blocked", refused, reason)
            return "blocked"
        if result.decision.action is Action.REVIEW:
            job.review = "pending"
            hold(tx, request, job.id, result, decision, look)
            return "held"
        return ""

    # files

    def _rendered(self, ticket: Ticket) -> Rendered:
        """The draft; from the object store when another machine rendered it."""
        rendered = Rendered.from_json(ticket.outputs["generate"])
        if not rendered.frames or rendered.draft.is_file():
            return rendered
        local = self._storage.fetch(_draft_key(ticket.job), self._folder(ticket) / "draft.mp4")
        return replace(rendered, draft=local)

    def _finished(self, ticket: Ticket, request: ClipRequest) -> Path:
        """The folder with the marked clip; made anew when it lies on a machine that is gone."""
        folder = Path(ticket.outputs["encode"]["folder"])
        if (folder / f"marked{_ending(ticket.job)}").is_file():
            return folder
        folder = self._folder(ticket)
        self._mark(ticket, request, folder)
        return folder

    def _signed(self, ticket: Ticket, request: ClipRequest) -> Path:
        done = ticket.outputs["sign"]
        signed = Path(done["folder"]) / f"signed{_ending(ticket.job)}"
        if signed.is_file():
            return signed
        if not self._share or "fence" not in done:
            raise StorageFailed(
                "the signed clip lies on a machine that is gone",
                "keep the work folder on storage that all workers share, or set storage_url",
            )
        folder = self._folder(ticket)
        for name in _handed_on(ticket.job):
            key = _signed_key(ticket.job.id, done["fence"], name)
            with suppress(NotFound):  # a picture has no spritesheet
                self._storage.fetch(key, folder / name)
        signed = folder / signed.name
        if not signed.is_file() or sha256_file(signed) != done["sha256"]:
            raise StorageFailed("the signed clip is gone from the store", "check storage_url")
        return signed

    def _mark(self, ticket: Ticket, request: ClipRequest, folder: Path) -> None:
        rendered = self._rendered(ticket)
        marked = stages.finish_clip(self._services, request, ticket.job.id, rendered, folder)
        if ticket.job.kind != "image":
            spritesheet(marked, rendered.frames, folder / "spritesheet.jpg", self._limits)

    @property
    def _limits(self) -> MediaLimits:
        return self._services.settings.limits.media

    def _with_local_references(self, ticket: Ticket, request: ClipRequest) -> ClipRequest:
        folder = self._folder(ticket)
        local = [
            str(self._storage.fetch(key, folder / f"reference{n}{Path(key).suffix}"))
            for n, key in enumerate(request.references)
        ]
        return request.model_copy(update={"references": tuple(local)})


def _worst(results: Sequence[GateResult]) -> int | None:
    """Which result the job stands on: the first that blocks, else the first not allowed."""
    actions = [result.decision.action for result in results]
    for n, action in enumerate(actions):
        if action is Action.BLOCK:
            return n
    for n, action in enumerate(actions):
        if action is not Action.ALLOW:
            return n
    return None


_TYPES = {".mp4": "video/mp4", ".png": "image/png"}


def _ending(job: Job) -> str:
    return ".png" if job.kind == "image" else ".mp4"


def request_of(job: Job) -> ClipRequest:
    return ClipRequest.model_validate(job.request)


def _decided(tx: Transaction, job: Job, request: ClipRequest, result: GateResult) -> str:
    """Put a gate's decision into the log and onto the job's row; returns its id."""
    decision = tx.append(events.decision(request, job.id, result, _last(job)))
    record(job, decision, result)
    return decision


def record(job: Job, decision: str, result: GateResult) -> None:
    """Note a gate's outcome on the job's row: ids, action, reason; no signals, no prompt."""
    job.decisions = [
        *job.decisions,
        {
            "id": decision,
            "stage": result.stage.value,
            "action": result.decision.action.value,
            "rule_id": result.decision.rule_id,
            "reason": result.decision.reason,
        },
    ]


def _last(job: Job) -> str | None:
    return str(job.decisions[-1]["id"]) if job.decisions else None


def _handed_on(job: Job) -> tuple[str, ...]:
    """What another machine needs to publish a signed clip."""
    return (f"signed{_ending(job)}", "thumbnail.jpg", "spritesheet.jpg")


def _signed_key(job: str, fence: int, name: str) -> str:
    """Private, and of one fence: a ghost's file never takes the place of its successor's."""
    return f"drafts/{job}/{fence}/{name}"


def _draft_key(job: Job) -> str:
    return f"drafts/{job.id}.mp4"


_TILES = 10
_TILE_SIDE = 160


def spritesheet(video: Path, frames: int, destination: Path, limits: MediaLimits) -> None:
    """Up to ten evenly spaced frames of ``video`` side by side, as a JPEG.

    Cost: one decoding pass; memory: one batch of frames.
    """
    count = min(_TILES, frames)
    wanted = [round((n + 0.5) * frames / count - 0.5) for n in range(count)]
    tiles: list[Image.Image] = []
    for batch in decode(video, limits):
        for index in wanted[len(tiles) :]:
            if index >= batch.index + len(batch):
                break
            tile = Image.fromarray(batch.pixels[index - batch.index])
            tile.thumbnail((_TILE_SIDE, _TILE_SIDE))
            tiles.append(tile)
    sheet = Image.new("RGB", (sum(t.width for t in tiles), max(t.height for t in tiles)))
    left = 0
    for tile in tiles:
        sheet.paste(tile, (left, 0))
        left += tile.width
    sheet.save(destination, "JPEG", quality=85)
