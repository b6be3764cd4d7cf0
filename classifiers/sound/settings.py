"""All settings of the checks of sound."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from classifiers.sound.loudness import LoudnessSettings
from classifiers.sound.speech import SpeechSettings


class SoundSettings(BaseModel):
    """What is listened for, and with which recogniser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loudness: LoudnessSettings = LoudnessSettings()
    speech: SpeechSettings = SpeechSettings()
