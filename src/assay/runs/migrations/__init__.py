"""The database's history: append-only steps, each with its own file in versions/."""
