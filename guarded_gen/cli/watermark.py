"""``guarded-gen watermark``: mark a video by hand, and read the mark of any video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, progress_console, stop
from guarded_gen.errors import Exit

CAUTION = (
    "A mark alone does not prove that this picture is ours: a mark can be cut out of one video and "
    "put into another. `guarded-gen verify` compares the picture with what was published."
)
TRANSPLANTED = (
    "This mark does not follow the picture that it lies in: it looks as if it was cut out of "
    "another video (transplanted)."
)

app = typer.Typer(help="Put the invisible mark into a video, or read it.", no_args_is_help=True)


@app.command()
def embed(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video to mark.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The MP4 to write.")],
    payload: Annotated[
        str, typer.Option("--payload", help="16 hex digits (64 bits), or 32 (128 bits).")
    ],
    strength: Annotated[
        float | None,
        typer.Option(help="Scale of the mark. Without it, what the quality bounds leave."),
    ] = None,
    json: Json = False,
) -> None:
    """Mark every frame of IN with PAYLOAD and write an H.264 MP4; sound is kept."""
    with errors_to_user(json):
        from rich.progress import Progress

        from guarded_gen.settings import load
        from media.probe import probe
        from provenance.watermark import KeyRing, parse_payload
        from provenance.watermark.files import embed_file

        settings = load()
        number, bits = parse_payload(payload)
        info = probe(source, settings.limits.media)
        keys = KeyRing.open(settings.keys_folder / "watermark")
        with Progress(console=progress_console(), transient=True, disable=json) as bar:
            task = bar.add_task("marking", total=info.frames)
            record = embed_file(
                source,
                out,
                keys,
                number,
                payload_bits=bits,
                strength=strength,
                limits=settings.limits.media,
                on_frames=lambda count: bar.advance(task, count),
            )
        if json:
            emit(record.to_json())
        else:
            console().print(
                f"marked {record.frames} frames with {payload} (key {record.key_id}), "
                f"Y-PSNR {record.psnr:.1f} dB, sound: {record.sound} → {out}",
                markup=False,
            )
            if record.readable is False:
                console().print(
                    "[yellow]A strongly coded copy of this clip would lose the mark.[/yellow]"
                )


@app.command()
def detect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video or a still image.")],
    segments: Annotated[
        bool,
        typer.Option(
            "--segments", help="Look all over the video; tell every mark and when it is there."
        ),
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Read marks of the public key too: no evidence.")
    ] = False,
    json: Json = False,
) -> None:
    """Read the mark of FILE. Exit code 0: found; 1: none found."""
    with errors_to_user(json):
        from rich.progress import Progress

        from guarded_gen.settings import load
        from provenance.watermark import KeyRing, scan_file
        from provenance.watermark.files import detect_file

        settings = load()
        keys = KeyRing.open(settings.keys_folder / "watermark")
        if public:
            keys = KeyRing(keys, public=True)
        if segments:
            with Progress(console=progress_console(), transient=True, disable=json) as bar:
                task = bar.add_task("looking for marks", total=1.0)
                all_of_it = scan_file(
                    file,
                    keys,
                    limits=settings.limits.media,
                    on_progress=lambda share: bar.update(task, completed=share),
                )
            record, marks = all_of_it.to_json(), list(all_of_it.spans)
            lines = [
                f"{s.start:8.2f} to {s.end:8.2f} s  {s.detection.payload_hex} "
                f"(key {s.detection.key_id}), log10 p {s.detection.log10_p:.1f}"
                for s in marks
            ]
            used = all_of_it.frames_used
            moved = [span.detection.payload_hex for span in marks if span.detection.transplanted]
        else:
            found = detect_file(file, keys, limits=settings.limits.media)
            record, used = found.to_json(), found.frames_used
            moved = [found.payload_hex] if found.transplanted else []
            lines = (
                [
                    f"mark found: {found.payload_hex} (key {found.key_id}), "
                    f"log10 p {found.log10_p:.1f}, {used} frames",
                    *(
                        f"  {name:<20} {value}"
                        for name, value in (
                            found.geometry.to_json() if found.geometry else {}
                        ).items()
                    ),
                ]
                if found.found
                else []
            )
        if json:
            emit(record | ({"caution": CAUTION} if lines else {}))
        else:
            none = f"no mark found in {used} frames (which does not mean that the video is real)"
            for line in lines or [none]:
                console().print(line, markup=False)
            if lines:
                console().print(f"[yellow]{CAUTION}[/yellow]")
            for hexadecimal in dict.fromkeys(moved):
                console().print(f"[red]{hexadecimal}: {TRANSPLANTED}[/red]")
        if not lines:
            stop(Exit.FAILED)
