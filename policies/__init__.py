"""The policy room: what counts as harm, what the rules say, and how signals become a decision.

``load`` reads and checks a policy, ``evaluate`` decides. Beside them: ``policies.cases`` tests a
policy, ``policies.history`` and ``policies.replay`` try it on past decisions, ``policies.rollout``
says who is decided by what while it is introduced, ``policies.taxonomy`` holds the categories.

Imports nothing of ours; touches no network, no database and no file but the policies that it is
told to read.
"""

import lazy_loader

# Importing one module of the room must not import all of them: a command line starts with it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
