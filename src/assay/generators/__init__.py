"""Who makes the probes of an edit."""
