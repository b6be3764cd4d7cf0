"""``guarded-gen animate | extend | edit | blend | image``: the other ways to a signed clip.

Each is ``generate`` with references: the same gates, the same record, the same signature. What
a clip was made from stands in its manifest as ingredients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from generator.spec import Mode
from guarded_gen.cli.common import Json, emit, errors_to_user, opened_services, stop
from guarded_gen.cli.generate import (
    Jurisdiction,
    Label,
    exit_code,
    label_fields,
    print_outcome,
    run_with_progress,
)

Prompt = Annotated[str, typer.Argument(help="What the result shows.")]
Reference = Annotated[Path, typer.Argument(help="The file to start from.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Seconds = Annotated[float, typer.Option(help="Length of what is made, in seconds.")]
Size = Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")]
Fps = Annotated[float, typer.Option(help="Frames per second.")]
Like = Annotated[
    str | None, typer.Option("--size", help="WIDTHxHEIGHT in pixels; by default the source's.")
]
LikeFps = Annotated[
    float | None, typer.Option("--fps", help="Frames per second; by default the source's.")
]
Seed = Annotated[int | None, typer.Option(help="Same seed, same frames.")]
Backend = Annotated[str | None, typer.Option(help="Generator backend; it needs this mode.")]
Tenant = Annotated[str, typer.Option(help="Whose policy overlay applies.")]


def animate(
    image: Annotated[Path, typer.Argument(help="The picture that becomes the first frame.")],
    prompt: Prompt,
    output: Output,
    seconds: Seconds = 2.0,
    size: Size = "512x512",
    fps: Fps = 24.0,
    seed: Seed = None,
    backend: Backend = "dit",
    tenant: Tenant = "default",
    jurisdiction: Jurisdiction = "",
    label: Label = None,
    json: Json = False,
) -> None:
    """Set a picture in motion."""
    _run(
        Mode.IMAGE_TO_VIDEO,
        (image,),
        json,
        output,
        size,
        prompt=prompt,
        seconds=seconds,
        fps=fps,
        seed=seed,
        backend=backend,
        tenant=tenant,
        label=label,
        jurisdiction=jurisdiction,
    )


def extend(
    video: Reference,
    prompt: Prompt,
    output: Output,
    back: Annotated[bool, typer.Option("--back", help="Make what comes before instead.")] = False,
    seconds: Seconds = 2.0,
    size: Like = None,
    fps: LikeFps = None,
    seed: Seed = None,
    backend: Backend = "dit",
    tenant: Tenant = "default",
    jurisdiction: Jurisdiction = "",
    label: Label = None,
    json: Json = False,
) -> None:
    """Go on where a video ends, or lead up to where it begins. The new part is written.

    Size, rate and sound follow the source: the sound nearest to the new part is heard once more.
    """
    _run(
        Mode.EXTEND_BACK if back else Mode.EXTEND,
        (video,),
        json,
        output,
        size,
        prompt=prompt,
        seconds=seconds,
        fps=fps,
        seed=seed,
        backend=backend,
        tenant=tenant,
        label=label,
        jurisdiction=jurisdiction,
    )


def edit(
    video: Reference,
    prompt: Prompt,
    output: Output,
    strength: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="How much may change, up to 1.")
    ] = 0.7,
    seconds: Seconds = 2.0,
    size: Like = None,
    fps: LikeFps = None,
    seed: Seed = None,
    backend: Backend = "dit",
    tenant: Tenant = "default",
    jurisdiction: Jurisdiction = "",
    label: Label = None,
    json: Json = False,
) -> None:
    """Draw the start of a video anew, as the prompt says. Its sound is kept."""
    _run(
        Mode.EDIT,
        (video,),
        json,
        output,
        size,
        strength=strength,
        prompt=prompt,
        seconds=seconds,
        fps=fps,
        seed=seed,
        backend=backend,
        tenant=tenant,
        label=label,
        jurisdiction=jurisdiction,
    )


def blend(
    first: Annotated[Path, typer.Argument(help="The video that ends.")],
    second: Annotated[Path, typer.Argument(help="The video that begins.")],
    prompt: Prompt,
    output: Output,
    seconds: Seconds = 1.0,
    size: Like = None,
    fps: LikeFps = None,
    seed: Seed = None,
    backend: Backend = "dit",
    tenant: Tenant = "default",
    jurisdiction: Jurisdiction = "",
    label: Label = None,
    json: Json = False,
) -> None:
    """Lead from the end of one video to the start of another. The part between is written.

    Size and rate follow the first video; the sound goes over from one to the other.
    """
    _run(
        Mode.BLEND,
        (first, second),
        json,
        output,
        size,
        prompt=prompt,
        seconds=seconds,
        fps=fps,
        seed=seed,
        backend=backend,
        tenant=tenant,
        label=label,
        jurisdiction=jurisdiction,
    )


def image(
    prompt: Prompt,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG or WebP to write.")],
    size: Size = "1024x1024",
    seed: Seed = None,
    backend: Backend = None,
    tenant: Tenant = "default",
    jurisdiction: Jurisdiction = "",
    label: Label = None,
    json: Json = False,
) -> None:
    """Make a still: a signed PNG or WebP."""
    _run(
        Mode.IMAGE,
        (),
        json,
        output,
        size,
        prompt=prompt,
        seed=seed,
        backend=backend,
        tenant=tenant,
        label=label,
        jurisdiction=jurisdiction,
    )


def _run(
    mode: Mode,
    references: tuple[Path, ...],
    json: bool,
    output: Path,
    size: str | None,
    **fields: Any,
) -> None:
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.production.formats import format_for
        from guarded_gen.production.request import (
            ClipRequest,
            FileReference,
            parse_size,
            rate_like,
            shape_like,
        )
        from media.probe import probe

        format_for(output, mode)
        fields |= label_fields(fields.pop("label"), fields.pop("jurisdiction"))
        limits = services.settings.limits.media
        found = [probe(path, limits) for path in references]
        width, height = parse_size(size) if size else shape_like(found[0], limits)
        if "fps" in fields and fields["fps"] is None:
            fields["fps"] = rate_like(found[0], limits)
        fields["backend"] = fields["backend"] or services.settings.backend
        request = ClipRequest.checked(
            services.settings.limits,
            mode=mode,
            references=tuple(FileReference(path=str(path.resolve())) for path in references),
            width=width,
            height=height,
            **fields,
        )
        outcome = run_with_progress(services, request, output)
        if json:
            emit(outcome.to_json())
        else:
            print_outcome(outcome)
        stop(exit_code(outcome))
