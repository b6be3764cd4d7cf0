"""Who may come in: API keys with their scopes, and people by the tokens of one issuer."""
