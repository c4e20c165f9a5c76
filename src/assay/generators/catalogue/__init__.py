"""The offline generator: relations, facts and templates."""
