"""Labelled plants, made by hand: captures with the truth beside them, to measure what is inferred."""
