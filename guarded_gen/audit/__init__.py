"""The audit room: a transparency log in the store, after C2SP tlog-tiles.

Every decision and every change of state is an entry, in one transaction with what it records.
May import settings, errors and the store; knows nothing of gates, jobs or the API.
"""

import lazy_loader

# Importing one module of the room must not import all of them: a command line starts with it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
