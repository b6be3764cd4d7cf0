"""``compliance`` over a clip that the product made: dates, proof, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

SETTINGS = """
[compliance]
profiles = ["cn-gb45438", "eu-ai-act"]
provider = "Example Studio"
"""


def test_a_clip_is_checked_on_a_day_and_a_still_is_refused_before_it_is_made(
    cli: Callable, tmp_path: Path, home: Path
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "guarded-gen.toml").write_text(SETTINGS)
    clip, still = tmp_path / "clip.mp4", tmp_path / "still.png"
    made = cli(
        "generate", "a red circle moves over the sea", "-o", clip, "--seconds", "2",
        "--size", "512x512", "--fps", "12",
    )  # fmt: skip
    assert made.code == 0, made.err

    def answers(day: str) -> dict[str, str]:
        found = cli("compliance", "check", clip, "--law", "eu-ai-act", "--at", day, "--json")
        assert found.json["at"] == day
        return {r["id"]: r["answer"] for r in found.json["profiles"]["eu-ai-act"]}

    assert set(answers("2026-08-01").values()) == {"not_in_force"}
    now = answers("2026-12-02")
    assert now["eu-1"] == "unmet", "a development certificate is nobody's but ours"
    assert now["eu-4"] == "met", "the mark was read from the picture"
    china = cli("compliance", "check", clip, "--law", "cn-gb45438", "--explain")
    assert "AI生成" in china.out and "not verified against the text" in " ".join(china.out.split())

    refused = cli("image", "a red circle", "-o", still, "--json")
    assert refused.code != 0
    assert "cn-1" in refused.err + refused.out
    assert not still.exists()
    assert cli("compliance", "check", clip, "--law", "xx").code == 2
    assert cli("compliance", "check", clip, "--at", "tomorrow").code == 2


def test_laws_are_listed_by_place(cli: Callable) -> None:
    found = cli("compliance", "laws", "--jurisdiction", "DE", "--at", "2026-12-02", "--json").json
    assert [law["law"] for law in found["laws"]] == ["eu-ai-act"]
    demand = found["laws"][0]["demands"][0]
    assert demand["formats"] == {"mp4": "met", "png": "met", "webp": "met"}
