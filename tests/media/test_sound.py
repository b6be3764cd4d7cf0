"""Sound on its way through: copied, cut, repeated, crossfaded, in step with the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.encode import Encoder
from media.limits import MediaLimits
from media.open import open_media
from media.soundtrack import RATE, Soundtrack, crossfaded, fitted, head, repeated, tail
from provenance.watermark import KeyRing
from provenance.watermark.files import embed_file

from .pictures import picture
from .wrappings import Writer, clip, size_of

LIMITS = MediaLimits()
KEYS = KeyRing.from_secrets(bytes(range(32)))
STILL = picture(1, 128, 160)


def pitch(sound: np.ndarray) -> float:
    """The strongest frequency, hertz."""
    spectrum = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound))))
    return float(spectrum.argmax() * RATE / len(sound))


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt((sound**2).mean()))


def sine(hertz: float, seconds: float, channels: int = 1) -> np.ndarray:
    wave = 0.2 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[:, None], channels, 1).astype(np.float32)


def written(path: Path, sound: np.ndarray, frames: int = 24) -> Path:
    with Encoder(path, 160, 128, Fraction(12), sound=Soundtrack(sound, {})) as out:
        out.write(np.stack([STILL] * frames))
    return path


@pytest.mark.parametrize("channels", [1, 2])
def test_aac_comes_back_as_it_went_in(channels: int, tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", sine(440, 2, channels))
    media = open_media(path)
    [track] = media.sounds
    assert (track.codec, track.rate, track.channels) == ("aac", RATE, channels)
    back = head(path, 2, LIMITS)
    assert back is not None
    assert back.shape == (2 * RATE, channels)
    assert pitch(back) == pytest.approx(440, abs=2)
    assert rms(back) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)


def test_the_embedder_copies_sound_bit_by_bit(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", [STILL] * 6, sound=True)
    done = embed_file(source, tmp_path / "b.mp4", KEYS, 5, strength=1.0)
    assert done.sound == "copied"
    before, after = head(source, 0.5, LIMITS), head(tmp_path / "b.mp4", 0.5, LIMITS)
    assert before is not None
    np.testing.assert_array_equal(before, after)


def test_what_an_mp4_cannot_hold_is_coded_and_told(tmp_path: Path) -> None:
    source = tmp_path / "a.mkv"
    with Writer(source) as out:
        stream = out.track(size_of(STILL))
        ear = out.box.add_stream("pcm_s16le", rate=44_100, layout="mono")
        out.fill(stream, [STILL] * 6)
        out.sound(ear)
    done = embed_file(source, tmp_path / "b.mp4", KEYS, 5, strength=1.0)
    assert done.sound == "coded as AAC from pcm_s16le"
    sound = head(tmp_path / "b.mp4", 0.4, LIMITS)
    assert sound is not None
    assert pitch(sound) == pytest.approx(440, abs=4)


def test_sound_that_begins_late_stays_in_step(tmp_path: Path) -> None:
    quiet, loud = np.zeros((RATE, 1), np.float32), sine(440, 1)
    path = written(tmp_path / "a.mp4", np.concatenate([quiet, loud]))
    sound = head(path, 2, LIMITS)
    assert sound is not None
    assert rms(sound[: RATE - 3000]) < 0.005
    assert rms(sound[RATE + 3000 :]) > 0.1
    end = tail(path, 0.5, LIMITS)
    assert end is not None
    assert len(end) == RATE // 2
    assert rms(end) > 0.1


def test_no_sound_is_no_sound(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [STILL] * 3)
    assert head(path, 1, LIMITS) is None
    assert embed_file(path, tmp_path / "b.mp4", KEYS, 5, strength=1.0).sound == "none"
    assert open_media(tmp_path / "b.mp4").sounds == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4000), st.integers(1, 12_000), st.integers(1, 2))
def test_repeats_fill_exactly_and_never_clip(length: int, need: int, channels: int) -> None:
    sound = np.full((length, channels), 0.8, np.float32)
    out = repeated(sound, need)
    assert out.shape == (need, channels)
    assert np.abs(out).max() <= 0.8 + 1e-5


def test_a_crossfade_goes_from_one_to_the_other() -> None:
    out = crossfaded(sine(300, 1), sine(900, 1, 2), RATE)
    assert out.shape == (RATE, 2)
    assert pitch(out[: RATE // 8]) == pytest.approx(300, abs=15)
    assert pitch(out[-RATE // 8 :]) == pytest.approx(900, abs=15)
    levels = [rms(part) for part in np.array_split(out, 8)]
    assert max(levels) / min(levels) < 1.15, "no dip between"
    assert fitted(sine(300, 1), 10).shape == (10, 1)
