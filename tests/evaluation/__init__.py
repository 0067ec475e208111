"""How well the inference does against the truth."""
