"""Three scores of an SAE feature and what they say together, from arrays; no SAE file format is known here."""
