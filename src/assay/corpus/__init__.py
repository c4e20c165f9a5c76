"""Text sources found at run time."""
