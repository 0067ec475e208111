"""Side-by-side measurements: a synthetic plant trace and the programs that are timed on it."""
