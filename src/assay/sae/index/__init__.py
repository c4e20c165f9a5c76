"""The feature index: where in a corpus every feature fires, how strongly, and in which sentences."""
