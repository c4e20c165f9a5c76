"""Probes by a language model in this process: the same prompts, forms and audit as for a server."""
