"""Any server that speaks ``/v1/videos``, behind the same door and the same gates."""

from generator.remote.backend import RemoteGenerator
from generator.remote.settings import RemoteSettings

__all__ = ["RemoteGenerator", "RemoteSettings"]
