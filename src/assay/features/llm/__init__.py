"""Language models for features: they propose labels, and write the sentences that a label is tried on."""
