"""Where a file comes from: credentials, marks, fingerprints and the registry, and who signs."""
