"""The top: gates, pipeline, jobs, record, API, console and command line.

May import every room.
"""
