"""Published editing data sets as one kind of record: what to write, and what to ask afterwards."""
