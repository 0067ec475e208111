"""Is everything as it should be: the machine, the interface, the mirrored traffic, the database, the destinations?"""

from sensor.doctor.machine import machine
from sensor.doctor.model import Check, Verdict
from sensor.doctor.places import files, places
from sensor.doctor.traffic import traffic

__all__ = ["Check", "Verdict", "files", "machine", "places", "traffic"]
