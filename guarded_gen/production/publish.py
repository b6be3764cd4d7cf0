"""Publish: the signed clip to where who asked for it can read it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from guarded_gen.errors import StorageFailed
from guarded_gen.production import events
from guarded_gen.production.files import THUMBNAIL, WorkFiles
from guarded_gen.production.formats import Format, format_of
from guarded_gen.production.line import GENERATE, PUBLISH, SIGN
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Asset, Output, Published, Rendered, Signed, Work
from media.decode import decode
from media.limits import MediaLimits

if TYPE_CHECKING:
    from guarded_gen.store.objects import Storage

_TILES = 10
_TILE_SIDE = 160


class Destination(Protocol):
    """Where a line publishes to."""

    def put(self, work: Work, signed: Path, form: Format, done: Signed) -> Published: ...


@dataclass(frozen=True, slots=True)
class Publish:
    files: WorkFiles
    place: Destination

    name: str = PUBLISH
    output: type[Output] = Published

    def run(self, work: Work) -> Done:
        form = format_of(work.request)
        done = work.outputs[SIGN]
        assert isinstance(done, Signed), "the line runs no stage before its inputs are there"
        published = self.place.put(work, self.files.signed(work, done, form.suffix), form, done)
        return Done(
            published,
            (lambda related: events.published(work.request, work.id, published.sha256, related),),
        )


@dataclass(frozen=True, slots=True)
class ToStorage:
    """Into the object store, with a thumbnail and, for clips, a sheet of stills."""

    storage: Storage
    limits: MediaLimits

    def put(self, work: Work, signed: Path, form: Format, done: Signed) -> Published:
        folder, prefix = signed.parent, f"clips/{work.id}"
        rendered = work.outputs[GENERATE]
        sheet = folder / "spritesheet.jpg"
        if not work.request.still and isinstance(rendered, Rendered):
            spritesheet(signed, rendered.frames, sheet, self.limits)
        assets: dict[str, Asset] = {}
        for variant, path, key, media_type, sha256 in (
            (
                "video",
                signed,
                f"{prefix}/{done.sha256[:16]}{form.suffix}",
                form.media_type,
                done.sha256,
            ),
            ("thumbnail", folder / THUMBNAIL, f"{prefix}/{THUMBNAIL}", "image/jpeg", None),
            ("spritesheet", sheet, f"{prefix}/{sheet.name}", "image/jpeg", None),
        ):
            if path.is_file():
                self.storage.put(key, path)
                size = path.stat().st_size
                assets[variant] = Asset(key=key, bytes=size, type=media_type, sha256=sha256)
        return Published(sha256=done.sha256, manifest=done.manifest, assets=assets)


@dataclass(frozen=True, slots=True)
class ToFile:
    """To a file of the user's, whole or not at all, also across file systems."""

    destination: Path

    def put(self, work: Work, signed: Path, form: Format, done: Signed) -> Published:
        destination = self.destination
        try:
            part = destination.with_name(f".{destination.name}.part")
            try:
                shutil.copyfile(signed, part)
                with part.open("rb+") as file:
                    os.fsync(file.fileno())
                part.replace(destination)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(
                f"{destination} could not be written: {error.strerror}",
                "check that the folder exists, is writable and has space",
            ) from error
        return Published(sha256=done.sha256, manifest=done.manifest, path=destination)


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
