"""``python -m generator.dit.evaluate``: the table of the model card.

Prints one row for each number, with the goal, and beside the attributes the oracle's own
ceiling on true renders, before and after the codec. ``--json`` prints one object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from generator.dit.backend import WEIGHTS, load_model
from generator.dit.codec import Codec
from generator.dit.evaluate.measure import SCENE, THING, Bench, simple, unseen
from generator.dit.native import TALL, WIDE, Size
from generator.dit.sample import SamplingPlan
from generator.weights import verified

SIZES = {"wide": WIDE, "tall": TALL}
GOALS = {"color": 0.95, "place": 0.98, "light": 0.98, "shape": 0.90, "motion": 0.90}


def measure(bench: Bench, captions: int, few: int, seconds: float) -> dict[str, object]:
    """All numbers; ``few`` clips for the modes, ``captions`` for the attributes."""
    asked = unseen(captions, 1)
    drawn = bench.attributes(asked, bench.draw)
    worst = sorted(drawn.confused.items(), key=lambda item: -item[1])[:8]
    return {
        "attributes": drawn.shares(),
        "ceiling": bench.attributes(asked, bench.render).shares(),
        "ceiling_after_codec": bench.attributes(asked, bench.through_codec).shares(),
        "most_confused": [[*key, count] for key, count in worst],
        **{name: _sized(bench, size, captions // 4) for name, size in SIZES.items()},
        "given_frame_db": bench.given_frame(simple(few, 2)),
        "seam_ratio": bench.seams(simple(few, 3)),
        "edit": bench.edits(simple(few, 4), 0.85),
        "rollout": bench.rollout(simple(few // 2, 5)[1::2], seconds),
        "rollout_ceiling": bench.rollout_ceiling(simple(few // 2, 5)[1::2], seconds),
        "flicker": bench.flicker(bench.draw),
        "flicker_of_renderer": bench.flicker(bench.render),
        "seconds_per_window_4_steps": bench.seconds_per_window(4),
    }


def _sized(bench: Bench, size: Size, captions: int) -> dict[str, dict[str, float]]:
    other = Bench(bench.model, bench.codec, bench.plan, size)
    asked = unseen(captions, 6)
    return {
        "attributes": other.attributes(asked, other.draw).shares(),
        "ceiling_after_codec": other.attributes(asked, other.through_codec).shares(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--captions", type=int, default=200)
    parser.add_argument("--few", type=int, default=16, help="clips for the modes")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of rollouts")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--emphasis", type=float, default=1.0)
    parser.add_argument("--unpinned", action="store_true", help="a folder of a run and its codec")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.unpinned:
        verified(args.weights)
    bench = Bench(
        load_model(args.weights / "dit.safetensors"),
        Codec.load(args.weights / "codec.safetensors"),
        SamplingPlan(args.steps, args.guidance, emphasis=args.emphasis),
    )
    with torch.inference_mode():
        found = measure(bench, args.captions, args.few, args.seconds)
    if args.json:
        print(json.dumps(found, indent=2))
        return
    show(found)


def show(found: dict[str, object]) -> None:
    """The numbers as a table for people."""
    table = Table("measure", "reached", "goal", "oracle on renders", "after the codec")
    drawn, ceiling, codec = (found[k] for k in ("attributes", "ceiling", "ceiling_after_codec"))
    assert isinstance(drawn, dict)
    assert isinstance(ceiling, dict)
    assert isinstance(codec, dict)
    for name in (*THING, *SCENE):
        goal = f"{GOALS[name]:.0%}" if name in GOALS else ""
        table.add_row(name, *_percent(drawn[name]), goal, *_percent(ceiling[name], codec[name]))
    for size in SIZES:
        shares = found[size]
        assert isinstance(shares, dict)
        for name in (*THING, *SCENE):
            seen, best = (shares[key][name] for key in ("attributes", "ceiling_after_codec"))
            table.add_row(f"{size}: {name}", *_percent(seen), "", "", *_percent(best))
    for name, goal in (
        ("given_frame_db", "≥ 30 dB"),
        ("seam_ratio", "≤ 1.5"),
        ("flicker", "reported"),
        ("flicker_of_renderer", "reported"),
        ("seconds_per_window_4_steps", "≤ 1 s on 2 cores"),
    ):
        table.add_row(name, f"{found[name]:.3f}", goal)
    for name, goals in (
        ("edit", {"place": "≥ 95%", "color": "≥ 90%", "shape": "≥ 90%"}),
        ("rollout", dict.fromkeys(("color", "shape", "motion", "place"), "≥ 95%")),
    ):
        shares = found[name]
        assert isinstance(shares, dict)
        for part, goal in goals.items():
            best = found.get(f"{name}_ceiling")
            assert best is None or isinstance(best, dict)
            ceilings = ("", *_percent(best[part])) if best else ()
            table.add_row(f"{name}: {part}", *_percent(shares[part]), goal, *ceilings)
    console = Console()
    console.print(table)
    console.print("most confused (attribute, asked, seen, times):", found["most_confused"])


def _percent(*shares: float) -> tuple[str, ...]:
    return tuple(f"{share:.1%}" for share in shares)


if __name__ == "__main__":
    main()
