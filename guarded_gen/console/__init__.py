"""The console: pages for people, on the rules of the review room.

Server-rendered and complete without JavaScript; one small module adds keys and hold-to-reveal.
May import the whole top except the command line. No page loads anything from another host.
"""

from guarded_gen.console.app import add_console

__all__ = ["add_console"]
