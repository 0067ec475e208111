"""Otoscope: a passive network sensor for plants. It listens, and says who is there and who asks whom to do what."""
