"""The HTTP door: the official SDK's calls on our own jobs, and our own calls beside them.

May import the whole top; nothing of the top imports it except the command line.
"""

from guarded_gen.api.app import create_app

__all__ = ["create_app"]
