"""The top: gates, production line, jobs, record, API, console and command line.

May import every room.
"""
