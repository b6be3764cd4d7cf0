"""The production line put together from the parts of the house: the one place that knows both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from generator.base import Capabilities
from guarded_gen.composition.services import Services
from guarded_gen.jobs.showing import PreviewStore
from guarded_gen.production import memory
from guarded_gen.production.duties import Duties
from guarded_gen.production.encode import Encode
from guarded_gen.production.files import WorkFiles
from guarded_gen.production.formats import format_for
from guarded_gen.production.generate import Generate, Seen, unseen
from guarded_gen.production.line import Line
from guarded_gen.production.memory import Progress
from guarded_gen.production.outcome import Outcome
from guarded_gen.production.output_gate import OutputGate, nothing_shown
from guarded_gen.production.parts import Judging
from guarded_gen.production.previews import Previewer
from guarded_gen.production.prompt_gate import PromptGate
from guarded_gen.production.publish import Destination, Publish, ToFile, ToStorage
from guarded_gen.production.reference_gate import ReferenceGate
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.sign import Sign
from guarded_gen.production.work import Work
from guarded_gen.settings import Settings
from guarded_gen.store.objects import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.base import Cancel
    from guarded_gen.jobs import Jobs
    from guarded_gen.store.tables.jobs import Job


def storage_of(settings: Settings) -> Storage:
    """The object store that the settings name."""
    return Storage(settings.storage_url or str(settings.media_folder), settings.storage_options)


def files_of(services: Services, storage: Storage, share: bool | None = None) -> WorkFiles:
    """Working files, shared through the object store where that is none of this disk."""
    share = storage.local is None if share is None else share
    return WorkFiles(services.settings.work_folder, storage, share)


def capabilities_of(services: Services) -> Callable[[str], Capabilities]:
    return lambda backend: services.generator(backend).capabilities()


def judging_of(services: Services) -> Judging:
    return Judging(
        capabilities_of(services),
        services.choice,
        services.strikes,
        services.sketch,
        services.resembles,
        lambda: services.refused_looks,
    )


def duties_of(services: Services) -> Duties:
    return Duties(services.settings.compliance, services.choice, lambda: services.faces)


def prompt_gate(services: Services) -> PromptGate:
    return PromptGate(
        judging_of(services),
        lambda: services.prompt_classifiers,
        services.settings.prompts.rewrite,
        duties_of(services),
    )


def generate_stage(services: Services, files: WorkFiles, seen: Seen = unseen) -> Generate:
    return Generate(
        judging_of(services),
        services.generator,
        lambda: services.frame_checks,
        lambda: services.frame_settings,
        lambda: services.sound_checks,
        services.settings.limits.media,
        files,
        seen,
    )


def previewer(services: Services) -> Previewer:
    return Previewer(
        capabilities_of(services),
        services.marker,
        duties_of(services),
        lambda: services.identity,
        lambda: services.trust,
    )


def line_of(
    services: Services,
    files: WorkFiles,
    place: Destination,
    *,
    seen: Seen = unseen,
    unshow: Callable[[Work], None] = nothing_shown,
    discard: Callable[[Job], None] | None = None,
) -> Line:
    """The production line over these services, publishing to ``place``."""
    settings, judging = services.settings, judging_of(services)
    capabilities, limits = capabilities_of(services), services.settings.limits.media
    encode = Encode(
        capabilities, services.marker, duties_of(services), settings.encode, limits, files
    )
    return Line(
        (
            prompt_gate(services),
            ReferenceGate(
                judging,
                lambda: services.frame_checks,
                lambda: services.sound_checks,
                lambda: services.frame_settings,
                limits,
                files,
            ),
            generate_stage(services, files, seen),
            OutputGate(judging, files, limits, unshow),
            encode,
            Sign(
                capabilities,
                services.generator,
                lambda: services.identity,
                lambda: services.trust,
                lambda: services.origin,
                duties_of(services),
                settings.timestamps,
                limits,
                files,
                encode,
            ),
            Publish(files, place),
        ),
        discard or files.discard,
    )


def durable_line(services: Services, jobs: Jobs, share: bool | None = None) -> Line:
    """The line as workers run it over the durable book: published into the object store."""
    settings, storage = services.settings, jobs.storage
    files = files_of(services, storage, share)
    showing = PreviewStore(previewer(services), jobs.book, storage, settings.jobs.previews)

    def discard(job: Job) -> None:
        files.discard(job)
        showing.remove(job)

    return line_of(
        services,
        files,
        ToStorage(storage, settings.limits.media),
        seen=showing.look,
        unshow=showing.take_back,
        discard=discard,
    )


def make_clip(
    services: Services,
    request: ClipRequest,
    destination: Path,
    progress: Progress = lambda stage, done, total: None,
    cancel: Cancel = lambda: False,
) -> Outcome:
    """Take one request down the line in this process, to a file at ``destination``.

    Raises :class:`~guarded_gen.errors.InvalidInput` before anything is judged when the name
    asks for a format that the request cannot have; else see
    :func:`guarded_gen.production.memory.make`.
    """
    form = format_for(destination, request.mode)
    request = request.model_copy(update={"format": form.name})
    files = files_of(services, storage_of(services.settings))
    line = line_of(services, files, ToFile(destination))
    standing, record = memory.make(line, services.log, files, request, progress, cancel)
    return Outcome.of(standing, record)
