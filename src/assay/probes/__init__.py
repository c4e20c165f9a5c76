"""Probes: the record, its audit, the one evaluator."""
