"""Sparse autoencoders: read, written, trained and used in one orientation."""
