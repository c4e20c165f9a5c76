"""The same run for a terminal, a page and a picture."""
