"""Subtitles, captions and chapter titles as text: read, judged, told."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest

from classifiers.captions.words import CaptionWords
from classifiers.frame.scan import scan
from media.open import open_media
from policies.decision import CheckStatus, Signal
from tests.media.wrappings import other

STYLES = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,16,&Hffffff

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class Reader:
    """A prompt classifier that flags one word."""

    name, categories, weights = "reader", ("hate",), ()

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        return [(Signal.ran(self.name, "hate", 0.9 if "bad" in t else 0.1),) for t in prompts]


CHECK = CaptionWords(lambda: (Reader(),))


def captioned(path: Path, codec: str, lines: Sequence[str], chapters: Sequence[str] = ()) -> Path:
    """A short clip with one subtitle track, a line a second."""
    with av.open(str(path), "w") as box:
        box.set_chapters(
            [
                {"id": n, "start": n, "end": n + 1, "time_base": Fraction(1),
                 "metadata": {"title": title}}
                for n, title in enumerate(chapters)
            ]
        )  # fmt: skip
        stream = box.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        text = None
        if lines:
            text = box.add_stream(codec)
            text.codec_context.subtitle_header = STYLES
            text.time_base = Fraction(1, 1000)
        for _ in range(6):
            frame = av.VideoFrame.from_ndarray(other((128, 160, 3)), format="rgb24")
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
        for n, line in enumerate(lines):
            coded = line.encode()
            if codec == "mov_text":
                coded = len(coded).to_bytes(2, "big") + coded
            packet = av.Packet(coded)
            packet.stream, packet.pts, packet.dts = text, n * 1000, n * 1000
            packet.duration, packet.time_base = 1000, Fraction(1, 1000)
            box.mux(packet)
    return path


def told(path: Path, *checks: object) -> dict[str, Signal]:
    return {s.category: s for s in scan(path, (), seed=0, sounds=checks).report.signals}


@pytest.mark.parametrize(
    ("codec", "ending"),
    [("mov_text", "mp4"), ("srt", "mkv"), ("webvtt", "webm.mkv"), ("mov_text", "mov")],
)
def test_every_line_goes_through_the_prompt_classifiers(
    codec: str, ending: str, tmp_path: Path
) -> None:
    path = captioned(tmp_path / f"a.{ending}", codec, ["Good morning", "a bad word"])
    media = open_media(path)
    assert [c.text for c in media.captions(media.subtitles[0])] == ["Good morning", "a bad word"]
    found = told(path, CHECK)
    assert found["subtitles"].score == 0.9
    assert (found["text_hate"].check, found["text_hate"].score) == ("captions", 0.9)
    assert "hate" not in found, "nobody looked for hate in the picture"


def test_harmless_lines_excuse_nothing(tmp_path: Path) -> None:
    path = captioned(tmp_path / "a.mp4", "mov_text", ["Good morning", "and good night"])
    found = told(path, CHECK)
    assert found["subtitles"].score == 0.1
    assert not {name for name in found if name.startswith("text_")}


def test_a_sentence_over_several_lines_is_one_text(tmp_path: Path) -> None:
    path = captioned(tmp_path / "a.mkv", "srt", ["<i>one</i>", "one", "two"])
    seen: list[str] = []

    class Listening(Reader):
        def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
            seen.extend(prompts)
            return super().classify(prompts)

    told(path, CaptionWords(lambda: (Listening(),)))
    assert seen == ["one\ntwo"], "styles and a line that is sent again are left out"


def test_chapter_titles_are_words_too(tmp_path: Path) -> None:
    path = captioned(tmp_path / "a.mkv", "srt", [], ["Begin", "a bad word"])
    assert told(path, CHECK)["subtitles"].score == 0.9


def test_what_nobody_reads_is_told(tmp_path: Path) -> None:
    path = captioned(tmp_path / "a.mp4", "mov_text", ["Good morning"])
    assert told(path)["subtitles"].reason == "not_assessed"

    class Broken(Reader):
        def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
            raise RuntimeError("no model")

    failed = told(path, CaptionWords(lambda: (Broken(),)))["subtitles"]
    assert (failed.status, failed.score) == (CheckStatus.FAILED, None)
