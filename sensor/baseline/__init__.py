"""The baseline: what is usual in a plant, learned from what was seen, reviewed by people, and what differs from it."""
