"""The thirteen benchmarks of a committed edit."""
