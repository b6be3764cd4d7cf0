"""Everything that a file can show or play is judged, or told as not assessed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from classifiers.frame import FileScan, FlashCheck, IntegrityCheck, scan
from classifiers.sound import LoudnessCheck
from media.open import open_media
from policies import Action, Context, Stage, evaluate
from policies import load as load_policy
from policies.decision import CheckStatus, Signal
from tests.media.pictures import picture
from tests.media.wrappings import (
    DEFAULT,
    NONE,
    Writer,
    animation,
    clip,
    cover_first,
    see_through,
    size_of,
)

CHECKS = (IntegrityCheck(), FlashCheck())
QUIET = [picture(1, 120, 160)] * 24
FLASHES = [np.full((120, 160, 3), 240 if k % 2 else 10, np.uint8) for k in range(24)]


def look(path: Path) -> FileScan:
    return scan(path, CHECKS, seed=0, sounds=(LoudnessCheck(),))


def worst(done: FileScan, category: str) -> Signal:
    found = [s for s in done.report.signals if s.category == category and s.score is not None]
    return max(found, key=lambda s: s.score or 0)


def not_assessed(done: FileScan) -> dict[str, str]:
    return {
        s.category: str(s.detail.get("cause"))
        for s in done.report.signals
        if s.status is CheckStatus.SKIPPED and s.reason == "not_assessed"
    }


def two_tracks(path: Path, quiet: bool) -> Path:
    """Flashes in the default track (``quiet`` first) or in the one that a menu leads to."""
    with Writer(path, "mp4") as out:
        one = out.track(size_of(QUIET[0]), disposition=NONE if quiet else DEFAULT)
        two = out.track(size_of(FLASHES[0]), disposition=DEFAULT if quiet else NONE)
        out.fill(one, QUIET)
        out.fill(two, FLASHES)
    return path


def test_flashes_in_any_track_are_told(tmp_path: Path) -> None:
    shown = worst(look(two_tracks(tmp_path / "a.mp4", quiet=True)), "flash")
    assert shown.score == 1.0
    assert "showing" not in shown.detail
    behind = look(two_tracks(tmp_path / "b.mp4", quiet=False))
    told = worst(behind, "flash")
    assert (told.score, told.detail["showing"]) == (1.0, "track 1")
    assert [s["name"] for s in behind.report.coverage["showings"]] == ["shown", "track 1"]


def test_cover_art_before_the_track_harms_nobody(tmp_path: Path) -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    done = look(cover_first(tmp_path / "a.mp4", QUIET, black))
    assert done.report.coverage["frames"] == len(QUIET)
    assert worst(done, "undecodable").score == 0.0
    assert worst(done, "black").score == 0.0, "a black cover is no fault of the clip"


def test_late_time_stamps_are_those_of_a_clock(tmp_path: Path) -> None:
    done = look(clip(tmp_path / "a.ts", QUIET, first=600_000))
    assert done.report.coverage["frames"] == len(QUIET)
    assert worst(done, "undecodable").score == 0.0
    assert done.report.coverage["seconds"] == 2.0


def test_alpha_is_judged_over_white_and_over_black(tmp_path: Path) -> None:
    for shade in (0, 255):
        path = tmp_path / f"{shade}.png"
        Image.fromarray(see_through(picture(2, 120, 160), shade)).save(path)
        media = open_media(path)
        views = {s.name: next(media.frames(s)).pixels[0] for s in media.showings}
        flat, seen = ("on black", "shown") if shade == 0 else ("shown", "on black")
        assert int(np.ptp(views[flat])) == 0
        assert views[seen].std() > 20
        done = look(path)
        assert {s["name"] for s in done.report.coverage["showings"]} == {"shown", "on black"}
    opaque = tmp_path / "opaque.png"
    whole = np.dstack([picture(2, 120, 160), np.full((120, 160), 255, np.uint8)])
    Image.fromarray(whole).save(opaque)
    assert "showings" not in look(opaque).report.coverage, "nothing shines through: judged once"


def test_alpha_of_video_is_judged_too(tmp_path: Path) -> None:
    hidden = [see_through(FLASHES[k], 0) for k in range(24)]
    for name, codec, pix in (("a.mov", "qtrle", "argb"), ("a.webm", "libvpx-vp9", "yuva420p")):
        path = clip(tmp_path / name, hidden, codec=codec, pix=pix, options={"crf": "10"})
        assert worst(look(path), "flash").score == 1.0, name


def test_every_frame_of_an_animation_is_judged(tmp_path: Path) -> None:
    for ending in ("gif", "png", "webp", "avif"):
        done = look(animation(tmp_path / f"a.{ending}", FLASHES, quality=80))
        assert done.report.coverage["frames"] == len(FLASHES), ending
        assert worst(done, "flash").score == 1.0, ending


def test_what_nobody_looks_at_is_told(tmp_path: Path) -> None:
    sounding = clip(tmp_path / "a.mkv", QUIET, sound=True)
    assert "sound" in not_assessed(look(sounding))
    trailer = clip(tmp_path / "a.mp4", QUIET)
    trailer.write_bytes(trailer.read_bytes() + b"vendor camera trailer")
    assert not_assessed(look(trailer)) == {"trailing_bytes": "21 bytes behind the end"}
    for ending in ("png", "jpg", "gif", "webp"):
        still = tmp_path / f"a.{ending}"
        Image.fromarray(QUIET[0]).save(still)
        assert not_assessed(look(still)) == {}, ending
        still.write_bytes(still.read_bytes() + b"PK\3\4 and more")
        assert set(not_assessed(look(still))) == {"trailing_bytes"}, ending
    cut = clip(
        tmp_path / "cut.mp4", QUIET, first=-12, options={"g": "100"}, use_editlist="1",
        avoid_negative_ts="disabled",
    )  # fmt: skip
    done = look(cut)
    assert done.report.coverage["frames"] == 12
    assert not_assessed(done) == {"hidden_frames": "12 frames outside the edit list"}
    assert done.report.coverage["not_assessed"] == ["hidden_frames"]


def test_subtitles_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    plain = clip(tmp_path / "plain.mkv", QUIET)
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    with (
        av.open(str(plain)) as video,
        av.open(str(tmp_path / "a.srt")) as text,
        av.open(str(path), "w") as out,
    ):
        pairs = [
            (source.streams[0], out.add_stream_from_template(source.streams[0]))
            for source in (video, text)
        ]
        for (stream, target), source in zip(pairs, (video, text), strict=True):
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    out.mux(packet)
    assert not_assessed(look(path)) == {"subtitles": "track 1: no check of captions is configured"}


def tone(path: Path, levels: list[float], seconds: float = 1.0) -> Path:
    """A clip whose sound goes through ``levels`` (amplitudes), each for ``seconds``."""
    rate = 48_000
    with Writer(path, "mp4") as out:
        stream = out.track(size_of(QUIET[0]))
        ear = out.box.add_stream("aac", rate=rate, layout="mono")
        out.fill(stream, QUIET[:2])
        wave = np.concatenate(
            [a * np.sin(2 * np.pi * 997 * np.arange(round(seconds * rate)) / rate) for a in levels]
        ).astype(np.float32)
        for at in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(
                wave[None, at : at + 1024], format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            out.box.mux(ear.encode(frame))
        out.box.mux(ear.encode(None))
    return path


def test_a_burst_after_a_quiet_passage_is_found_and_music_is_not(tmp_path: Path) -> None:
    loudness = [
        worst(look(tone(tmp_path / f"{n}.mp4", levels)), "loudness")
        for n, levels in enumerate(
            ([0.005] * 4 + [1.0], [0.3] * 5, [0.05, 0.1, 0.2, 0.3, 0.2], [0.9] * 4, [0, 0, 0.25])
        )
    ]
    burst, *music = loudness
    assert burst.score == 1.0
    assert burst.segments[0].start == pytest.approx(4.0, abs=0.45)
    assert all(signal.score is not None and signal.score <= 0.5 for signal in music)
    # 997 Hz at full scale in one channel is -3.01 LUFS (ITU-R BS.1770).
    wanted = 20 * np.log10(0.9) - 3.01
    assert music[2].detail["integrated"] == pytest.approx(wanted, abs=0.3)


def test_a_burst_waits_for_a_person_and_silence_for_nobody(tmp_path: Path) -> None:
    policy = load_policy("default")
    actions = {}
    for name, path in (
        ("burst", tone(tmp_path / "a.mp4", [0.005] * 3 + [1.0])),
        ("silent", clip(tmp_path / "b.mp4", QUIET[:2])),
    ):
        signals = scan(path, (), seed=0, sounds=(LoudnessCheck(),)).report.signals
        [told] = [s for s in signals if s.category == "loudness"]
        assert told.status is CheckStatus.RAN
        decision = evaluate(policy, Stage.UPLOAD, signals, Context())
        actions[name] = [(m.rule_id, m.action) for m in decision.trace if m.category == "loudness"]
        assert "loudness" not in {m.category for m in decision.missing}
    assert actions == {"burst": [("LOUD-1", Action.REVIEW)], "silent": []}
