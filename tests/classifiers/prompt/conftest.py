from __future__ import annotations

from pathlib import Path

import pytest

from classifiers.base import PromptClassifier
from classifiers.prompt import default
from classifiers.prompt.normalise import Vocabulary
from classifiers.registry import WeightsRegistry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> WeightsRegistry:
    return WeightsRegistry(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def words(registry: WeightsRegistry) -> Vocabulary:
    return Vocabulary.from_tokenizer(registry.path("prompt_words"))


@pytest.fixture(scope="session")
def classifier(registry: WeightsRegistry) -> PromptClassifier:
    return default(registry)


@pytest.fixture
def copied_weights(tmp_path: Path) -> Path:
    """A copy of the packaged weights that a test may damage."""
    import shutil

    from classifiers.registry import PACKAGE

    shutil.copytree(PACKAGE / "prompt" / "weights", tmp_path / "package" / "prompt" / "weights")
    return tmp_path / "package"
