"""Checks of what a clip sounds like: loudness and bursts, and the words that are spoken.

May import media, policies and the rest of the classifier room.
"""

from classifiers.sound.gate import Heard, listen
from classifiers.sound.loudness import LoudnessCheck, LoudnessSettings
from classifiers.sound.speech import SpeechCheck, SpeechSettings

__all__ = ["Heard", "LoudnessCheck", "LoudnessSettings", "SpeechCheck", "SpeechSettings", "listen"]
