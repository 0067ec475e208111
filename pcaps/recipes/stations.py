"""The stations of the small plant that the captures show."""

from typing import NamedTuple


class Station(NamedTuple):
    """One end: the name of its network namespace, its address and its MAC."""

    role: str
    ip: str
    mac: str


MIXER = Station("mixer", "10.20.1.11", "00:80:f4:01:00:0b")
"""A Modbus controller."""
BOILER = Station("boiler", "10.20.1.12", "00:1b:1b:01:00:0c")
"""An S7 CPU."""
FILLER = Station("filler", "10.20.1.13", "00:00:bc:01:00:0d")
"""A Logix controller."""
SUBSTATION = Station("substation", "10.20.1.14", "00:30:a7:01:00:0e")
"""A DNP3 outstation."""
METER = Station("meter", "10.20.1.15", "00:80:f4:01:00:0f")
"""A Modbus power meter."""
GATEWAY = Station("gateway", "10.20.1.16", "00:80:f4:01:00:10")
"""Something with a web page."""
HMI = Station("hmi", "10.20.1.100", "00:0c:29:10:01:64")
SCADA = Station("scada", "10.20.1.101", "00:0c:29:10:01:65")
ENGINEER = Station("engineer", "10.20.1.110", "00:0c:29:10:01:6e")
STRANGER = Station("stranger", "10.20.1.66", "3c:52:82:5a:11:42")
ROUTER = Station("router", "10.20.1.1", "00:1e:4a:00:00:01")
"""What joins the cell with the rest."""
OFFICE = Station("office", "10.40.0.77", "3c:52:82:5a:40:77")
"""A computer of the enterprise, behind the router: the cell sees the router's MAC."""
HISTORIAN = Station("historian", "10.3.0.20", "00:1e:4a:00:00:01")
"""In site operations, so its MAC is the cell's router."""
