"""The classifier room: prompts and frames in, signals out.

May import policies and media.
"""
