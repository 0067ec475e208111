"""Live capture, on virtual interfaces in a network namespace of its own."""
