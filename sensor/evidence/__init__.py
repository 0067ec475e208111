"""Evidence (docs/evidence.md): the frames around an alert, as a small capture of its own."""
