"""Measurements, never part of a test run. ``make bench`` runs the short form of each."""
