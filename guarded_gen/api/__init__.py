"""The HTTP API: the official SDK's calls on our own jobs, and our own calls beside them.

Knows neither console nor command line; :mod:`guarded_gen.server` puts it into an application.
"""
