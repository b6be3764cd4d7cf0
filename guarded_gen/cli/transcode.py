"""``guarded-gen transcode``: another copy of a file that keeps its credentials and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)


def transcode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video or a still picture.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The MP4 (of a still: PNG) to write.")],
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT in pixels; by default the source's.")
    ] = None,
    crf: Annotated[int, typer.Option(min=0, max=51, help="Lower is better and larger.")] = 20,
    json: Json = False,
) -> None:
    """Write FILE anew and keep what it says of its making.

    Its credentials go along as those of the parent, under a signature of this installation; labels
    that nobody signed are written again; the sound is kept. A file whose credentials do not fit it
    is refused.
    """
    with errors_to_user(json), opened_services() as services:
        from rich.progress import Progress

        from guarded_gen.errors import InvalidInput
        from guarded_gen.origin.transcoding import Copying
        from guarded_gen.origin.transcoding import transcode as write
        from guarded_gen.production.request import parse_size
        from media.encoding import EncodeSettings
        from media.probe import probe

        if not file.is_file():
            raise InvalidInput(f"{file} is no file", "give the path of a media file", "file")
        limits = services.settings.limits.media
        info = probe(file, limits)
        wanted = parse_size(size) if size else None
        verification, labels = services.origin.carried(file)
        provider = services.settings.compliance
        with Progress(console=progress_console(), transient=True, disable=json) as bar:
            task = bar.add_task("writing", total=info.frames)
            done = write(
                file,
                out,
                (verification, dict(labels)),
                services.identity,
                services.trust,
                Copying(
                    wanted,
                    EncodeSettings(crf=crf),
                    limits,
                    services.settings.timestamps,
                    provider.provider_code or provider.provider,
                ),
                on_frames=lambda count: bar.advance(task, count),
            )
        if json:
            emit(
                {
                    "file": str(out),
                    "sha256": done.signed.sha256,
                    "frames": done.frames,
                    "sound": done.sound,
                    "kept": done.kept,
                    "verdict": done.signed.report.verdict.value,
                }
            )
            return
        console().print(f"[green]written[/] {escape(str(out))}, {done.frames} frames")
        console().print(f"  sound {done.sound}; source was {done.kept['verdict']}", markup=False)
        if done.kept.get("saidBy"):
            console().print(f"  it says: {done.kept['saidBy']}", markup=False)
