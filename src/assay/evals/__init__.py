"""The papers' own metrics on the papers' own cases: edit, measure before and after, restore, go on."""
