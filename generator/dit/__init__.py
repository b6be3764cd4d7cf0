"""The embedded model: a video diffusion transformer trained on the rendered world.

``model`` is the network, ``codec`` its latents, ``text`` its captions, ``sample`` one window,
``rollout`` the modes, ``finish`` the size and rate, ``train`` and ``cache`` how it came to be,
``evaluate`` how good it is.
"""

from generator.dit.backend import DiTGenerator

__all__ = ["DiTGenerator"]
