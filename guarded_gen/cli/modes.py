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
from guarded_gen.cli.generate import exit_code, print_outcome, run_with_progress
from guarded_gen.cli.options import (
    Made,
    MadeBetween,
    MadeFromPicture,
    MadeFromVideo,
    expanded,
)

Prompt = Annotated[str, typer.Argument(help="What the result shows.")]
Reference = Annotated[Path, typer.Argument(help="The file to start from.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]


@expanded
def animate(
    image: Annotated[Path, typer.Argument(help="The picture that becomes the first frame.")],
    prompt: Prompt,
    output: Output,
    clip: MadeFromPicture,
    json: Json = False,
) -> None:
    """Set a picture in motion."""
    _run(Mode.IMAGE_TO_VIDEO, (image,), output, clip, json, prompt=prompt)


@expanded
def extend(
    video: Reference,
    prompt: Prompt,
    output: Output,
    clip: MadeFromVideo,
    back: Annotated[bool, typer.Option("--back", help="Make what comes before instead.")] = False,
    json: Json = False,
) -> None:
    """Go on where a video ends, or lead up to where it begins. The new part is written.

    Size, rate and sound follow the source: the sound nearest to the new part is heard once more.
    """
    mode = Mode.EXTEND_BACK if back else Mode.EXTEND
    _run(mode, (video,), output, clip, json, prompt=prompt)


@expanded
def edit(
    video: Reference,
    prompt: Prompt,
    output: Output,
    clip: MadeFromVideo,
    strength: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="How much may change, up to 1.")
    ] = 0.7,
    json: Json = False,
) -> None:
    """Draw the start of a video anew, as the prompt says. Its sound is kept."""
    _run(Mode.EDIT, (video,), output, clip, json, prompt=prompt, strength=strength)


@expanded
def blend(
    first: Annotated[Path, typer.Argument(help="The video that ends.")],
    second: Annotated[Path, typer.Argument(help="The video that begins.")],
    prompt: Prompt,
    output: Output,
    clip: MadeBetween,
    json: Json = False,
) -> None:
    """Lead from the end of one video to the start of another. The part between is written.

    Size and rate follow the first video; the sound goes over from one to the other.
    """
    _run(Mode.BLEND, (first, second), output, clip, json, prompt=prompt)


@expanded
def image(
    prompt: Prompt,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG or WebP to write.")],
    still: Made,
    json: Json = False,
) -> None:
    """Make a still: a signed PNG or WebP."""
    _run(Mode.IMAGE, (), output, still, json, prompt=prompt)


COMMANDS = (animate, extend, edit, blend, image)


def _run(
    mode: Mode,
    references: tuple[Path, ...],
    output: Path,
    made: Made,
    json: bool,
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
        fields |= made.request(services.settings.backend)
        limits = services.settings.limits.media
        found = [probe(path, limits) for path in references]
        width, height = parse_size(made.size) if made.size else shape_like(found[0], limits)
        if "fps" in fields and fields["fps"] is None:
            fields["fps"] = rate_like(found[0], limits)
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
