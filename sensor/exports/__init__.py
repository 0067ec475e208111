"""Telling others: forms (how an event is written), ways (how it gets there), and the forwarder that lets nothing get lost between."""
