"""The formats of finished clips: what is written is whole, signed, marked and found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from generator.spec import Mode
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.errors import InvalidInput
from guarded_gen.production.formats import CARRIES, FORMATS, format_of, formats_of
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest
from guarded_gen.server import app
from guarded_gen.settings import load
from media.decode import decode
from media.probe import probe
from provenance.report import Origin

PROMPT = "a big red circle moves to the right over the sea at sunset"


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


def made(services: Services, path: Path, **fields: object) -> ClipRequest:
    request = ClipRequest.checked(
        services.settings.limits, prompt=PROMPT, width=256, height=256, seed=3, **fields
    )
    assert make_clip(services, request, path).state is ClipState.PUBLISHED
    return request


def test_an_animated_webp_has_every_frame_its_credentials_and_its_mark(
    services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "clip.webp"
    made(services, path, seconds=2.0)
    info = probe(path)
    assert sum(len(batch) for batch in decode(path)) == 48
    assert (info.width, info.height) == (256, 256)
    assert float(info.fps) == pytest.approx(24, rel=0.02)
    assert services.origin.report(path, deep=True).origin is Origin.OURS
    bare = tmp_path / "bare.webp"
    bare.write_bytes(without_credentials(path.read_bytes()))
    assert services.origin.report(bare).origin is Origin.OURS_RECOVERED


def test_a_still_webp_is_one_signed_picture(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "still.webp"
    made(services, path, mode=Mode.IMAGE)
    assert sum(len(batch) for batch in decode(path)) == 1
    assert services.origin.report(path, deep=True).origin is Origin.OURS


@pytest.mark.parametrize("name", ["clip.png", "clip.mov", "clip", "clip.mp4.txt"])
def test_a_name_that_asks_for_no_format_of_a_clip_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GUARDED_GEN_HOME", str(tmp_path / "home"))
    target = tmp_path / name
    found = CliRunner().invoke(app, ["generate", PROMPT, "-o", str(target), "--seconds", "1"])
    assert found.exit_code == 2
    assert "give a name ending in .mp4 or .webp" in found.output
    assert not target.exists()


def test_a_format_without_sound_is_not_offered_where_sound_is_kept() -> None:
    for mode in Mode:
        names = {form.name for form in formats_of(mode)}
        keeps = mode in (Mode.EXTEND, Mode.EXTEND_BACK, Mode.EDIT, Mode.BLEND)
        assert ("webp" in names) is not keeps, mode
    request = ClipRequest(prompt=PROMPT, mode=Mode.EXTEND, format="webp")
    with pytest.raises(InvalidInput, match="webp"):
        format_of(request)


def test_every_format_says_what_it_can_carry() -> None:
    assert list(CARRIES) == [form.name for form in FORMATS]
    assert all("credentials" in carried for carried in CARRIES.values())
    assert len({form.suffix for form in FORMATS}) == len(FORMATS)


def without_credentials(data: bytes) -> bytes:
    """A WebP without its C2PA chunk, as a tool that knows none leaves it."""
    kept, at = b"", 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if data[at : at + 4] != b"C2PA":
            kept += data[at:end]
        at = end
    assert len(kept) < len(data) - 12, "there was no such chunk"
    return b"RIFF" + (len(kept) + 4).to_bytes(4, "little") + b"WEBP" + kept
