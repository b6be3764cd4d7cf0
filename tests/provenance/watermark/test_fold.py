"""What a folded tile says of the mark and of the picture beside it."""

from __future__ import annotations

import numpy as np

from provenance.watermark import EmbedderSettings
from provenance.watermark.carrier import carrier, payload_to_bits, ring
from provenance.watermark.embedder import Embedder
from provenance.watermark.fold import TILE, Folder, level, oriented
from provenance.watermark.lattice import Grid
from provenance.watermark.pattern import pattern
from tests.provenance.watermark.clips import KEYS, PAYLOAD, texture

PERIOD = 128.0
SHAPE = (512, 768)
FOLDER = Folder(SHAPE, Grid(PERIOD, 0.0).to_tiles())
KX, KY = oriented(False, 0)
AT = (KY % TILE, KX % TILE)


def test_the_mark_has_nothing_half_way_between_its_lines() -> None:
    signs = carrier(KEYS.active, 0, 64).signs(payload_to_bits(PAYLOAD, 64))
    field = pattern(signs, SHAPE[1], SHAPE[0], PERIOD, 0.2, 0.7)
    tile, beside = FOLDER.tile(field)
    # of twice the period both ways, so four times the amplitude of the mean tile, times the tiles
    copies = 4 * (SHAPE[0] / PERIOD / 2 * SHAPE[1] / PERIOD / 2)
    power = np.abs(tile[AT]) ** 2 * copies**2
    assert np.median(beside[AT]) < 0.01 * np.median(power)


def test_a_picture_with_a_direction_is_told_as_louder_across_it() -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(SHAPE)
    # streaks along x: power along the y axis of the spectrum
    streaks = np.stack([np.convolve(row, np.ones(31) / 31, "same") for row in noise])
    tile, beside = FOLDER.tile(streaks.astype(np.float32))
    told = level(tile[AT], beside[AT])
    steep = np.abs(KY) > 3 * np.abs(KX)
    level_lines = np.abs(KX) > 3 * np.abs(KY)
    assert told[steep].mean() > 4 * told[level_lines].mean()
    plain = level(tile[AT])
    assert plain[steep].mean() < 2 * plain[level_lines].mean()
    assert len(told) == len(ring())


def test_at_the_start_busy_areas_carry_more_and_smooth_ones_do_not() -> None:
    """The first frame is the poster: no mottle on a smooth wall."""
    frame = np.full((360, 640, 3), 150, dtype=np.uint8)
    frame[:, 320:] = np.clip(128 + 30 * texture(360, 320, 2, 0.9), 0, 255)[..., None]
    clip = np.repeat(frame[None], 12, axis=0)
    marked = Embedder(KEYS, PAYLOAD, 640, 360, settings=EmbedderSettings()).embed(clip)
    change = (marked.astype(float) - clip)[..., 1]
    wall, busy = (
        np.sqrt((change[:, 40:320, part] ** 2).mean(axis=(1, 2)))
        for part in (slice(40, 240), slice(400, 600))
    )
    assert wall[0] < 1.4 * wall[11]
    assert wall[0] < 1.0
    assert busy[0] > 2 * busy[11]
