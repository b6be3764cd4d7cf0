"""Step 12: the bytes that no hash of the manifest covers, and whose they may be.

The binding leaves some ranges out: the place of the credentials themselves, and whatever its
maker chose. Anybody can change what lies there without breaking anything, so it is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from provenance.containers import Place, Uncovered, is_blank
from provenance.jumbf import StoreBroken
from provenance.ranges import Range
from provenance.steps import Run
from provenance.verdicts import Severity

_MEDIA = (b"moov", b"mdat", b"moof", b"meta")
_LARGEST_BRANDS = 256


def uncovered(run: Run) -> tuple[Uncovered, ...]:
    """What is covered by no hash, except the credentials; empty when there are none."""
    if not run.excluded and not run.container.trailing:
        return ()
    try:
        with run.path.open("rb") as file:
            last = max((b.offset for b in run.container.boxes if b.kind in _MEDIA), default=-1)
            found: list[Uncovered] = []
            for item in _outside(run):
                box = next((b for b in run.container.boxes if b.offset == item.start), None)
                header = box.header if box and box.size == item.size else 0
                blank = is_blank(file, item.start + header, item.size - header)
                if box is not None and box.kind == b"ftyp" and _plain_brands(file, item):
                    continue
                what = f"{item.what} box" if box else "left out of the hash"
                appended = item.start > last >= 0
                found.append(Uncovered(what, item.start, item.size, blank, appended))
            return tuple(found)
    except OSError:
        return ()


def _outside(run: Run) -> Iterator[Range]:
    """What is left out, without the places where the credentials lie."""
    for item in run.excluded:
        pieces = [item]
        for place in run.container.store_places:
            pieces = [p for piece in pieces for p in _without(piece, place)]
        yield from pieces


def _without(item: Range, place: Place) -> Iterator[Range]:
    if place.end <= item.start or item.end <= place.start:
        yield item
        return
    if item.start < place.start:
        yield Range(item.start, place.start - item.start, item.what)
    if place.end < item.end:
        yield Range(place.end, item.end - place.end, item.what)


def _plain_brands(file: BinaryIO, item: Range) -> bool:
    """Whether a file type box holds brands and nothing else (ISO 14496-12, 4.3)."""
    file.seek(item.start + 8)
    body = file.read(min(item.size - 8, _LARGEST_BRANDS + 1))
    if len(body) > _LARGEST_BRANDS or len(body) % 4 or len(body) < 8:
        return False
    brands = [body[:4], *(body[i : i + 4] for i in range(8, len(body), 4))]
    return all(all(32 <= c < 127 for c in brand) for brand in brands)


def tell_uncovered(run: Run) -> None:
    """A warning for each range that may hold something; blank padding is passed over."""
    loud = False
    run.uncovered = uncovered(run)
    for item in run.uncovered:
        if item.blank and not item.appended:
            continue
        loud = True
        what = "after the media" if item.appended else "inside the file"
        run.note(
            "uncovered.bytes",
            Severity.WARNING,
            f"{item.size} bytes {what} ({item.what}) are covered by no hash; "
            "anybody can have put them there",
            f"byte {item.offset}",
        )
    for place in run.container.foreign:
        loud = True
        run.note(
            "uncovered.foreign",
            Severity.WARNING,
            "a second box of the C2PA kind holds no credentials; anybody can have put it there",
            f"byte {place.start}",
        )
    for manifest in run.store.manifests if run.store else ():
        with suppress(StoreBroken):
            if manifest.signature is not None and manifest.signature.filled:
                loud = True
                run.note(
                    "uncovered.padding",
                    Severity.WARNING,
                    "the padding of a signature, which nothing covers, is not blank; anybody can "
                    "have put that there",
                    f"self#jumbf=/c2pa/{manifest.label}/c2pa.signature",
                )
    run.passed(12, outcome="noted" if loud else "passed")
