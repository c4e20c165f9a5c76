"""Events, store, run folder, export."""
