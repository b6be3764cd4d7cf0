"""Preservation: the gravest cases sealed, kept, reported to a hotline, and released by two people.

Nothing here shows material; what is sealed can only be opened with the legal role's private key,
which this system never has. May import review, audit, store and settings.
"""
