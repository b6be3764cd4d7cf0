"""Everyday scenes: 24 things as articulated vector figures, in places, weather and light.

Procedural and closed, like :mod:`generator.world`, whose six shapes the embedded transformer
was trained on. The two languages are apart: only the ``world`` backend reads this one.
"""

from generator.scene.figures import FIGURES, NOUNS
from generator.scene.parse import SceneReading, read_scene
from generator.scene.render import SceneRenderer, stream
from generator.scene.scene import Actor, Scene

__all__ = [
    "FIGURES", "NOUNS", "Actor", "Scene", "SceneReading", "SceneRenderer", "read_scene", "stream",
]  # fmt: skip
