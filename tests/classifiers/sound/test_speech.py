"""The way from sound to a verdict on words, with a tiny recogniser in the layout of real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

from classifiers.errors import WeightsMismatch
from classifiers.hub import HubModel, NetworkRefused, pull
from classifiers.registry import WeightsRegistry
from classifiers.sound import SpeechCheck, SpeechSettings, listen
from media.hashing import sha256_file
from media.open import open_media
from policies.decision import CheckStatus, Signal
from tests.media.pictures import picture
from tests.media.wrappings import clip


def recogniser(folder: Path) -> Path:
    """Hears nothing but "a", whatever is said."""
    torch.manual_seed(0)
    folder.mkdir()
    letters = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5}
    (folder / "letters.json").write_text(json.dumps(letters))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "letters.json"))
    (folder / "letters.json").unlink()
    config = Wav2Vec2Config(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8),
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model = Wav2Vec2ForCTC(config)
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.bias.copy_(torch.tensor([0.0, 0, 0, 0, 0, 9.0]))
    model.save_pretrained(folder)
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


class Reader:
    """A prompt classifier that flags the letter a."""

    name, categories, weights = "reader", ("hate",), ()

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        return [(Signal.ran(self.name, "hate", 0.7 if "a" in text else 0.0),) for text in prompts]


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    return clip(tmp_path / "a.mp4", [picture(1, 64, 64)] * 6, sound=True)


def test_words_go_through_the_prompt_classifiers(spoken: Path, tmp_path: Path) -> None:
    registry = WeightsRegistry(tmp_path / "weights")
    registry.add("ears", recogniser(tmp_path / "model"), licence="MIT", source="made by this test")
    check = SpeechCheck(registry, lambda: (Reader(),), SpeechSettings(model="ears"))
    heard = listen(open_media(spoken), (check,))
    told = {s.category: s for s in heard.signals}
    assert (told["text_hate"].check, told["text_hate"].score) == ("speech", 0.7)
    assert not told["text_hate"].calibrated
    assert "hate" not in told, "nobody looked for hate in the picture"
    assert told["sound"].score == 0.7
    assert told["sound"].detail["words"] == 1
    assert told["sound"].weights == check.weights[0]


def test_without_a_model_the_sound_is_not_assessed(spoken: Path, tmp_path: Path) -> None:
    registry = WeightsRegistry(tmp_path / "weights")
    check = SpeechCheck(registry, lambda: (Reader(),), SpeechSettings(model="ears"))
    [signal] = listen(open_media(spoken), (check,)).signals
    assert (signal.status, signal.reason) == (CheckStatus.SKIPPED, "not_assessed")
    [none] = listen(open_media(spoken), ()).signals
    assert (none.check, none.reason) == ("sound", "not_assessed")


def test_a_recogniser_of_the_hub_is_pinned_by_commit_and_every_file(
    spoken: Path, tmp_path: Path
) -> None:
    folder = recogniser(tmp_path / "model")
    files = {f.name: sha256_file(f) for f in folder.iterdir()}
    model = HubModel(repo="some/ears", revision="a" * 40, files=files, licence="MIT")
    registry = WeightsRegistry(tmp_path / "weights")
    with pytest.raises(NetworkRefused):
        pull(registry, "ears", model)
    other = model.model_copy(update={"files": {**files, "config.json": "0" * 64}})
    with pytest.raises(WeightsMismatch, match=r"config\.json"):
        pull(registry, "ears", other, folder=folder)
    assert "ears" not in registry.names()
    pull(registry, "ears", model, folder=folder)
    check = SpeechCheck(registry, lambda: (Reader(),), SpeechSettings(model="ears"))
    [sound] = [s for s in listen(open_media(spoken), (check,)).signals if s.category == "sound"]
    assert sound.score == 0.7
    # A file that changes later is never listened with.
    config = next((tmp_path / "weights").rglob("config.json"))
    config.chmod(0o644)
    config.write_text(config.read_text() + " ")
    changed = SpeechCheck(registry, lambda: (Reader(),), SpeechSettings(model="ears"))
    [failed] = listen(open_media(spoken), (changed,)).signals
    assert (failed.category, failed.status) == ("sound", CheckStatus.FAILED)
