"""The self-test: what anybody can run against a deployment, from outside, with a key of its own.

It knows nothing of the service but its address: it asks through the official ``openai`` client,
reads the log as a stranger does (C2SP tlog-tiles) and verifies files with the provenance room. May
import the audit room's formats, never the service's own parts.
"""
