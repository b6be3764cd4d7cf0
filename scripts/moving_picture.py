"""A clip as a small animated WebP for README: every second frame at 360 pixels.

    python scripts/moving_picture.py out/demo.mp4 docs/images/demo.webp

Look at the picture before it is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from media.decode import decode
from media.probe import probe

SIDE = 360
EVERY = 2


def main(source: Path, target: Path) -> None:
    pixels = [frame for batch in decode(source) for frame in batch.pixels][::EVERY]
    frames = [Image.fromarray(frame) for frame in pixels]
    for frame in frames:
        frame.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    period = round(1000 * EVERY / probe(source).fps)
    frames[0].save(
        target, save_all=True, append_images=frames[1:], duration=period, loop=0, quality=70
    )
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
