"""Documents made to hurt: refused at once, with a text that says why, and nothing else raised."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policies
from policies.loader import LIBRARY
from tests.waiting import BOUND_S

HEAD = 'policy: acme\nversion: "1"\nextends: default\n'
RULE = """rules:
  - id: ACME-1
    category: hate
    stage: prompt
    at_least: 0.5
    action: review
    reason: hate
    when: """


def refused(text: str) -> policies.PolicyError:
    start = time.thread_time()
    with pytest.raises(policies.PolicyError) as caught:
        policies.loads(text)
    assert time.thread_time() - start < BOUND_S
    assert caught.value.remedy
    return caught.value


def test_an_alias_bomb() -> None:
    lines = ['a: &a ["lol", "lol"]']
    lines += [
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(20)
    ]
    assert "anchors and aliases" in str(refused("\n".join(lines)))


def test_ten_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_text(HEAD + "description: " + "x" * 10_000_000)
    start = time.thread_time()
    with pytest.raises(policies.PolicyTooLarge, match="10000056 bytes"):
        policies.load(path)
    assert time.thread_time() - start < BOUND_S
    assert isinstance(refused(path.read_text()), policies.PolicyTooLarge)


def test_too_many_values() -> None:
    assert "values" in str(refused("rules: [" + "1," * 200_000 + "1]"))


@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000, "? " * 9_000])
def test_too_deep(text: str) -> None:
    refused(text)


def test_a_condition_of_two_thousand_terms() -> None:
    text = HEAD + RULE + " || ".join(["strikes>1"] * 1_000)
    assert "the condition has 12996 characters" in str(refused(text))
    text = HEAD + RULE + "||".join(["1<2"] * 300)
    assert "the condition has 600 terms" in str(refused(text))


def test_nested_loops_in_a_condition() -> None:
    for inner in ("scores.exists(b, b == a)", "capabilities.map(b, b).exists(c, c == a)"):
        text = HEAD + RULE + f"capabilities.all(a, {inner})"
        assert "inside another loop" in str(refused(text))
    policies.loads(HEAD + RULE + 'capabilities.filter(a, a != "x").exists(b, b == "y")')


def test_brackets_in_a_condition() -> None:
    text = HEAD + RULE + '"' + "(" * 300 + "true" + ")" * 300 + '"'
    assert "brackets" in str(refused(text))


def test_a_circle_of_files(tmp_path: Path) -> None:
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        text = HEAD.replace("default", f"{parent}.yaml").replace("acme", name)
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(policies.PolicyInvalid) as caught:
        policies.load(tmp_path / "a.yaml")
    assert "a.yaml extends b.yaml extends c.yaml extends a.yaml" in str(caught.value)


def test_a_chain_of_files_has_an_end(tmp_path: Path) -> None:
    for i in range(12):
        text = HEAD.replace("default", f"{i + 1}.yaml").replace("acme", f"p{i}")
        (tmp_path / f"{i}.yaml").write_text(text)
    with pytest.raises(policies.PolicyInvalid, match="more than 8 files"):
        policies.load(tmp_path / "0.yaml")


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"policy: \x80", b"\x00\x01\x02"])
def test_bytes_that_are_no_text(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "raw.yaml"
    path.write_bytes(raw)
    with pytest.raises(policies.PolicyInvalid):
        policies.load(path)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none.yaml", "no-such-policy"):
        with pytest.raises(policies.PolicyNotFound) as caught:
            policies.load(source)
        assert "default" in (caught.value.remedy or "")


def test_norway_is_a_country() -> None:
    policy, _ = policies.loads(HEAD + RULE + "strikes > 1\n    jurisdictions: [NO, DE]")
    assert policy.rule("ACME-1").jurisdictions == ("NO", "DE")


DEFAULT = (LIBRARY / "default.yaml").read_text()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(DEFAULT)),
            st.integers(0, 40),
            st.text(alphabet=" \n\t:-[]{}#&*!|>\"'%@`,.0123456789abcxyz\x00é💥", max_size=6),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_damage_gives_a_policy_or_a_typed_error(cuts: list[tuple[int, int, str]]) -> None:
    text = DEFAULT
    for start, length, new in cuts:
        text = text[:start] + new + text[start + length :]
    try:
        policy, _ = policies.loads(text)
    except policies.PolicyInvalid as error:
        assert error.issues
        for issue in error.issues:
            assert issue.message and issue.remedy
            assert 0 <= issue.span.line <= text.count("\n") + 1
    else:
        assert policy.rules and policy.floor


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_condition_gives_a_condition_or_a_typed_error(text: str) -> None:
    from policies import conditions

    try:
        made = conditions.compile(text)
    except conditions.ConditionInvalid as error:
        assert error.mistakes and all(m.message and m.remedy for m in error.mistakes)
    else:
        assert made.text == text
