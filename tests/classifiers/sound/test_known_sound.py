"""Sounds of a bank are found again: coded, cut, at another pace; and no other sound is."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from classifiers.frame.banks import (
    BankInvalid,
    FolderSource,
    ItemKind,
    Library,
    read_exchange,
    write_exchange,
)
from classifiers.frame.known import KnownCheck
from classifiers.sound import KnownSoundCheck, listen
from classifiers.sound.known import register_sound
from media.errors import UnreadableMedia
from media.open import open_media
from policies.decision import CheckStatus, Signal
from tests.media.pictures import picture
from tests.media.wrappings import clip

from .tracks import RATE, babble, faster, made, written

STILL = [picture(1, 64, 64)] * 2


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sounds in a bank that blocks, one in a bank that asks for a review."""
    folder = tmp_path_factory.mktemp("banks")
    lines: dict[str, list[str]] = {"blocked": [], "looked": []}
    for seed in range(5):
        written(folder / "a.wav", made(seed), "wav", "pcm_s16le")
        items = register_sound(folder / "a.wav")
        [again] = read_exchange(write_exchange(items))
        assert again.hashes.tobytes() == items[0].hashes.tobytes()
        lines["looked" if seed == 4 else "blocked"] += write_exchange(items)
    for name, text in lines.items():
        (folder / f"{name}.txt").write_text("\n".join(text) + "\n")
    (folder / "looked.toml").write_text('action = "review"\n')
    return folder


def heard(banks: Path, path: Path, track: np.ndarray) -> dict[str, Signal]:
    """What the check says of a clip with that sound."""
    written(path.with_suffix(".m4a"), track)
    with_sound(path, path.with_suffix(".m4a"))
    check = KnownSoundCheck(Library([FolderSource(banks)], ItemKind.SOUND))
    signals = listen(open_media(path), (check,)).signals
    return {s.category: s for s in signals if s.check == "sound_banks"}


def with_sound(path: Path, sound: Path) -> None:
    """A still with that sound, copied bit by bit."""
    silent = clip(path.with_suffix(".v.mp4"), STILL)
    with (
        av.open(str(silent)) as video,
        av.open(str(sound)) as audio,
        av.open(str(path), "w") as out,
    ):
        streams = [video.streams.video[0], audio.streams.audio[0]]
        copies = [out.add_stream_from_template(stream) for stream in streams]
        for stream, copy in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)


@pytest.mark.parametrize(
    ("seed", "pace", "begin"), [(0, 1.0, 0.0), (1, 1.0, 1.43), (2, 1.01, 0.0), (3, 0.99, 0.7)]
)
def test_a_listed_sound_is_found(
    seed: int, pace: float, begin: float, banks: Path, tmp_path: Path
) -> None:
    track = faster(made(seed), pace)[round(begin * RATE) :]
    told = heard(banks, tmp_path / "a.mp4", 0.3 * track)
    assert told["sound_match"].score == told["hash_match"].score == 1.0
    [match] = told["hash_match"].detail["matches"]
    assert match["bank"] == "blocked"


def test_a_bank_that_asks_for_a_review_asks_for_one(banks: Path, tmp_path: Path) -> None:
    assert heard(banks, tmp_path / "a.mp4", made(4))["hash_match"].score == 0.4


def test_other_sounds_and_plain_tones_match_nothing(banks: Path, tmp_path: Path) -> None:
    for seed in (50, 51):
        told = heard(banks, tmp_path / "a.mp4", made(seed))
        assert told["sound_match"].score == 0.0
        assert "hash_match" not in told
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE).astype(np.float32)
    [signal] = heard(banks, tmp_path / "a.mp4", tone).values()
    assert (signal.status, signal.detail["cause"]) == (CheckStatus.SKIPPED, "too_little_sound")


def test_a_bank_of_sounds_is_none_of_pictures(banks: Path, tmp_path: Path) -> None:
    [signal] = heard(tmp_path, tmp_path / "a.mp4", babble(0, 4)).values()
    assert (signal.category, signal.detail["cause"]) == ("sound_match", "no_bank")
    library = Library([FolderSource(banks)])
    assert len(library.view()) == 0
    assert KnownCheck(library).library.view().banks == ()


def test_what_cannot_be_registered_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match="no sound"):
        register_sound(clip(tmp_path / "a.mp4", STILL))
    written(tmp_path / "b.wav", babble(0, 2), "wav", "pcm_s16le")
    with pytest.raises(BankInvalid, match="too little sound"):
        register_sound(tmp_path / "b.wav")
