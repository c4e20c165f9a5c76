"""Generators beside each other: the same edits, each measured with the probes of every one."""
