"""Checks and policy together: prompt, reference and output gate, and the hash banks they ask."""
