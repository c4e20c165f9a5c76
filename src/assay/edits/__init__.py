"""Rank-one and joint edits of the MLP down-projection: from request to validated Edit."""
