"""Sparse autoencoders of other libraries' files, read into one orientation; SAELens' files, written."""
