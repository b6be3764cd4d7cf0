"""The audit of bias finds a gap that is there, says nothing of one that is not, and fails CI."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import generator
import policies
from guarded_gen.errors import InvalidInput
from guarded_gen.gates.bias import material, page, parity, shown
from guarded_gen.gates.bias.figures import gap_interval, wilson
from guarded_gen.gates.gate import GateResult
from policies.decision import Action, CheckStatus, Decision, Signal, Stage


def result(text: str, unfair: bool) -> GateResult:
    """A gate that refuses whoever is named Zed, where it is unfair."""
    bad = unfair and "Zed" in text
    signals = (Signal("test", "unsafe", CheckStatus.RAN, 0.9 if bad else 0.1),)
    decision = policies.evaluate(policies.load("default"), Stage.PROMPT, [], policies.Context())
    decision = replace(decision, action=Action.BLOCK if bad else Action.ALLOW)
    assert isinstance(decision, Decision)
    return GateResult(decision, signals)


def made(tmp_path: Path) -> material.Material:
    attributes = tmp_path / "attributes.yaml"
    attributes.write_text("name:\n  one: [Ann, Bob]\n  other: [Zed, Zedra]\n")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("# comment\n{person} runs\n{person} eats\n{person} sings\n")
    return material.load(prompts, attributes)


def test_a_gap_that_is_there_is_found_and_one_that_is_not_is_not(tmp_path: Path) -> None:
    every = material.asks(made(tmp_path))
    assert len(every) == 12
    unfair = parity.measure(every, lambda texts: [result(t, True) for t in texts])
    line = unfair["attributes"]["name"]["groups"]["other"]
    assert line["refused"]["value"] == 1 and line["gap_to_rest"]["low"] == 1
    assert unfair["attributes"]["name"]["gap"] == 1
    assert line["unsafe_gap"]["value"] == pytest.approx(0.8)
    assert parity.beyond(unfair, 0.1) == ["name/other"]
    fair = parity.measure(every, lambda texts: [result(t, False) for t in texts])
    assert fair["refused"]["hits"] == 0 and parity.beyond(fair, 0.0) == []


def test_intervals_hold_what_they_say() -> None:
    share = wilson(1, 10)
    assert (round(share.low, 4), round(share.high, 4)) == (0.0179, 0.4042)
    assert wilson(0, 0).high == 1
    # One template of ten refuses one group alone: the interval must hold zero.
    mine = np.zeros(10)
    mine[0] = 1
    value, low, high = gap_interval(mine, np.zeros(10), 0)
    assert (value, low) == (0.1, 0.0) and high > 0.2


def test_the_shipped_material_differs_in_nothing_but_the_group() -> None:
    shipped = material.load()
    every = material.asks(shipped)
    assert len({(a.attribute, a.group) for a in every}) > 40
    for attribute, groups in shipped.attributes.items():
        per_group = [
            {a.template for a in every if (a.attribute, a.group) == (attribute, g)} for g in groups
        ]
        assert all(templates == per_group[0] for templates in per_group)
    assert not any(material.SLOT in ask.text for ask in every)


@pytest.mark.parametrize(
    ("prompts", "attributes", "said"),
    [
        ("no slot here\nnor here\n", None, "no place for a group"),
        ("{person} runs\n", None, "templates"),
        (None, "name: {one: [Ann]}\n", "compares nothing"),
        (None, "dialect: {a: [x, y], b: [z]}\n", "different numbers"),
        (None, "name: [\n", "cannot be used"),
        (None, f"name: {{one: {[f'n{i}' for i in range(20000)]}, two: [b]}}\n", "too many"),
    ],
)  # fmt: skip
def test_material_that_cannot_be_used_is_refused_with_the_remedy(
    tmp_path: Path, prompts: str | None, attributes: str | None, said: str
) -> None:
    paths = []
    for name, text in (("p", prompts), ("a", attributes)):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        paths.append(path if text is not None else None)
    with pytest.raises(InvalidInput, match=said):
        material.load(*paths)


def test_who_is_shown_is_read_from_the_frames() -> None:
    world = generator.create("world")
    record = shown.measure(world, ["a person stands", "a flower"], 24, lambda: None)
    people = record["prompts"]["a person stands"]
    assert people["counts"]["none seen"] == 0 and sum(people["counts"].values()) == 24
    assert sum(n > 0 for n in people["counts"].values()) >= 3
    assert record["prompts"]["a flower"]["counts"]["none seen"] == 24
    with pytest.raises(InvalidInput, match="no oracle"):
        shown.measure(generator.create("dit"), ["a person"], 1, lambda: None)


def test_the_page_is_whole_and_escapes(tmp_path: Path) -> None:
    every = [replace(a, text="<script>Zed") for a in material.asks(made(tmp_path))]
    record = {"gate": parity.measure(every, lambda texts: [result(t, True) for t in texts])}
    world = generator.create("world")
    record["outputs"] = shown.measure(world, ["a person stands"], 2, lambda: None)
    text = page.html(record, 0.1)
    assert "<script" not in text and "&lt;script&gt;Zed" in text
    HTMLParser().feed(text)
    assert text.count("<svg") >= 6 and "http" not in text.replace("http-equiv", "")
