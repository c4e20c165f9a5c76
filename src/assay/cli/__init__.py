"""Nouns and verbs; no logic."""
