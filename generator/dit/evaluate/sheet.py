"""``python -m generator.dit.evaluate.sheet -o FILE.png``: every mode in one picture.

One row for each mode, eight frames each, labelled; one row samples a rollout (in four steps, to be
quick), and the still is drawn at 2048 x 2048 and shrunk. Made for looking, not for
measuring, and not for publishing: no gate sees it, and it carries no mark and no signature.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from generator.base import Pixels
from generator.dit.backend import DiTGenerator
from generator.spec import GenerationSpec, Mode
from media.encode import encode

_SIDE = 128
_COLUMNS = 8
_LABEL = 16
_WEIGHTS = "weights"
ROLLOUT_S, QUICK_ROLLOUT_S = 60, 12
"""Seconds of the rollout: for a study, and for a look that must not keep anybody waiting."""
_TITLE = "made by the embedded model (AI), straight from the sampler: no gate, mark or signature"


def _clip(
    dit: DiTGenerator,
    mode: Mode,
    prompt: str,
    references: tuple[Path, ...] = (),
    seconds: float = 2.0,
    fps: int = 12,
    steps: int | None = None,
) -> Pixels:
    spec = GenerationSpec(
        prompt,
        seconds,
        _SIDE,
        _SIDE,
        Fraction(fps),
        7,
        mode,
        references,
        strength=0.85,
        steps=steps,
    )
    return np.concatenate(list(dit.generate(spec, lambda step: None, lambda: False)))


def rows(dit: DiTGenerator, folder: Path, rollout: int = ROLLOUT_S) -> list[tuple[str, Pixels]]:
    """Label and frames of every row; intermediate clips go to ``folder``; ``rollout`` in seconds,
    a fifth of a second of one core each."""
    sea, desert = "a big red circle moves right, over the sea", "a big red circle, in the desert"
    first = _clip(dit, Mode.TEXT_TO_VIDEO, sea)
    made = [
        (f"t2v: {sea}", first),
        (
            "t2v: a big yellow star bounces, in the desert",
            _clip(dit, Mode.TEXT_TO_VIDEO, "a big yellow star bounces, in the desert"),
        ),
        (
            "t2v: a big green square moves down and a big pink heart stays still, in the city",
            _clip(
                dit,
                Mode.TEXT_TO_VIDEO,
                "a big green square moves down and a big pink heart stays still, in the city",
            ),
        ),
    ]
    one, two = folder / "one.mp4", folder / "two.mp4"
    encode(one, iter([first]), Fraction(12))
    still = folder / "still.png"
    Image.fromarray(first[0]).save(still)
    after = _clip(dit, Mode.EXTEND, sea, (one,))
    encode(two, iter([after[8:]]), Fraction(12))
    made += [
        (
            "i2v: the first frame of the first row, moving up",
            _clip(dit, Mode.IMAGE_TO_VIDEO, "a big red circle moves up, over the sea", (still,)),
        ),
        ("extend: what follows the first row", after),
        ("extend back: what precedes it", _clip(dit, Mode.EXTEND_BACK, sea, (one,))),
        (
            "edit: the first row in the desert",
            _clip(dit, Mode.EDIT, desert.replace(",", " moves right,"), (one,)),
        ),
        ("blend: from the first row to a later second", _clip(dit, Mode.BLEND, sea, (one, two), 1)),
        (
            "60 s rollout: a big blue circle moves in a circle, at night (every 7.5 s)",
            _clip(
                dit,
                Mode.TEXT_TO_VIDEO,
                "a big blue circle moves in a circle, at night",
                seconds=60,
                fps=4,
                steps=4,
            ),
        ),
    ]
    spec = GenerationSpec(
        "a big orange heart, in the snow", width=2048, height=2048, seed=7, mode=Mode.IMAGE
    )
    large = next(dit.generate(spec, lambda step: None, lambda: False))[0]
    shrunk = np.asarray(Image.fromarray(large).resize((_SIDE * 2, _SIDE * 2)))
    return [*made, ("2K still (shrunk): a big orange heart, in the snow", shrunk[None])]


def sheet(labelled: list[tuple[str, Pixels]]) -> Image.Image:
    """The rows under their labels."""
    height = _LABEL + sum(frames.shape[1] + _LABEL for _, frames in labelled)
    page = Image.new("RGB", (_COLUMNS * _SIDE, height), "white")
    pen = ImageDraw.Draw(page)
    pen.text((3, 2), _TITLE, "firebrick")
    top = _LABEL
    for label, frames in labelled:
        pen.text((3, top + 2), label, "black")
        top += _LABEL
        picks = np.linspace(0, len(frames) - 1, min(_COLUMNS, len(frames))).round().astype(int)
        for column, pick in enumerate(picks):
            page.paste(Image.fromarray(frames[pick]), (column * frames.shape[2], top))
        top += frames.shape[1]
    return page


def write(path: Path, keep: bool = False, rollout: int = ROLLOUT_S) -> None:
    """Draw the sheet with the shipped weights and save it: 17 core-seconds, 7 with
    :data:`QUICK_ROLLOUT_S`; 200 MB.

    ``keep``: leave a sheet alone that these weights drew.
    """
    dit = DiTGenerator()
    weights = " ".join(sorted(dit.capabilities().weights.values()))
    if keep and path.exists() and _drawn_by(path) == weights:
        return
    note = PngInfo()
    note.add_text(_WEIGHTS, weights)
    with tempfile.TemporaryDirectory() as folder:
        sheet(rows(dit, Path(folder), rollout)).save(path, pnginfo=note)


def _drawn_by(path: Path) -> str | None:
    try:
        with Image.open(path) as picture:
            return str(picture.info.get(_WEIGHTS))
    except OSError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/demo.png"))
    args = parser.parse_args()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write(args.output)
    print(args.output)


if __name__ == "__main__":
    main()
