"""Zones and conduits (IEC 62443-3-2): where assets belong, and who may ask whom for what."""
