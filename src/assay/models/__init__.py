"""Language models: the family table, loading, tokens, forward passes."""
