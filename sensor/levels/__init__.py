"""Purdue levels: what an asset was seen to do, weighed into the level it lives at, with the evidence."""
