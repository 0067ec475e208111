"""Recipes of the captures in `pcaps/`: each module makes some of them again."""
