"""Every mistake that an author can make: its exact text, and all of them at once.

``GUARDED_GEN_GOLDEN=write`` writes the texts anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import policies

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_golden_text(case: str) -> None:
    path = GOLDEN / f"{case}.yaml"
    with pytest.raises(policies.PolicyInvalid) as caught:
        policies.load(path)
    text = str(caught.value).replace(f"{path}:", f"{case}.yaml:") + "\n"
    golden = path.with_suffix(".txt")
    if os.environ.get("GUARDED_GEN_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()
    assert case in {issue.code for issue in caught.value.issues} or case.partition("_")[0] in (
        "condition",
        "yaml",
        "long",
        "eight",
    )
