"""Checks of subtitles, captions and chapter titles: ``gate`` shows them, ``words`` judges them.

May import media, policies and the rest of the classifier room.
"""
