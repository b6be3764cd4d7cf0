"""The media room: frames as a stream, decoded, probed, encoded and hashed.

Imports nothing of ours.
"""
