"""Detections: what is wrong or dangerous, each in one file and one row."""
