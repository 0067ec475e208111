"""One detector, or a table of closely related ones, in each file."""
