"""Make the plants again: `python -m pcaps.plants [NAME...]`."""

import sys
from importlib import import_module

from pcaps.plants import control, office

PLANTS = ("flat", "cells", "dmz", "substation", "water")


def make(name: str) -> None:
    """One plant; what is random begins anew, so that it does not depend on the others."""
    control.RANDOM.seed(name)
    office.RANDOM.seed(name)
    import_module(f"pcaps.plants.{name}").build().write()


for wanted in sys.argv[1:] or PLANTS:
    make(wanted)
