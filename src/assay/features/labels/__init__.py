"""What a feature is called: labels made offline, given by hand, revised, and what a label alone implies."""
