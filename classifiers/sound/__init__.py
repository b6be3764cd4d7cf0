"""Checks of what a clip sounds like: loudness and bursts, known sounds, and spoken words.

May import media, policies and the rest of the classifier room.
"""

from classifiers.sound.gate import Heard, listen, silent
from classifiers.sound.known import KnownSoundCheck
from classifiers.sound.loudness import LoudnessCheck, LoudnessSettings
from classifiers.sound.speech import SpeechCheck, SpeechSettings

__all__ = [
    "Heard",
    "KnownSoundCheck",
    "LoudnessCheck",
    "LoudnessSettings",
    "SpeechCheck",
    "SpeechSettings",
    "listen",
    "silent",
]
