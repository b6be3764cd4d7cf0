"""The provenance room: marks, signs, verifies and recovers.

May import policies and media.
"""

import lazy_loader

# Importing one module of the room must not import all of them: a command line starts with it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
