"""The watermark: a keyed periodic tile in every frame's luma, read back blindly.

May import the rest of provenance and media. Embedding and detecting need no weights.
"""

import lazy_loader

# Importing one module of the room must not import all of them: a command line starts with it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
