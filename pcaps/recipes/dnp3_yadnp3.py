"""DNP3 between the master and the outstation of yadnp3, a continuation of opendnp3 for today's Python (PyPI: yadnp3)."""

import time
from typing import Any

import opendnp3

from pcaps.recipes.stations import SCADA, SUBSTATION

PORT = 20000
MASTER, OUTSTATION = 1, 10
POINTS = 4


class _Listener(opendnp3.IChannelListener):  # type: ignore[misc] # untyped
    def OnStateChange(self, state: object) -> None:  # noqa: N802 - opendnp3's name
        del state


def _manager() -> Any:  # noqa: ANN401 - untyped
    return opendnp3.DNP3Manager(1), _Listener()


def serve() -> None:
    """An outstation whose points move a little."""
    manager, listener = _manager()
    at = opendnp3.IPEndpoint(SUBSTATION.ip, PORT)
    levels = opendnp3.LogLevels.none()
    channel = manager.AddTCPServer("server", levels, opendnp3.ServerAcceptMode.CloseExisting, at, listener)
    points = opendnp3.DatabaseConfig(POINTS)
    points.octet_string, points.time_and_interval = {}, {}  # Wireshark 4.0 cannot read them where they are empty
    config = opendnp3.OutstationStackConfig(points)
    config.outstation.eventBufferConfig = opendnp3.EventBufferConfig.AllTypes(50)
    config.link.LocalAddr, config.link.RemoteAddr = OUTSTATION, MASTER
    outstation = channel.AddOutstation("outstation", opendnp3.ICommandHandler(), opendnp3.IOutstationApplication(), config)
    outstation.Enable()
    number = 0
    while True:
        time.sleep(1)
        number += 1
        changes = opendnp3.UpdateBuilder()
        changes.Update(opendnp3.Analog(100.5 + number), number % POINTS)
        changes.Update(opendnp3.Binary(number % 2 == 0), number % POINTS)
        outstation.Apply(changes.Build())


def poll(rounds: int, pause: float) -> None:
    """A master that polls all classes."""
    manager, listener = _manager()
    levels = opendnp3.LogLevels.none()
    hosts = [opendnp3.IPEndpoint(SUBSTATION.ip, PORT)]
    channel = manager.AddTCPClient("client", levels, opendnp3.ChannelRetry.Default(), hosts, SCADA.ip, listener)
    config = opendnp3.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = MASTER, OUTSTATION
    handler = opendnp3.ISOEHandler()
    master = channel.AddMaster("master", handler, opendnp3.IMasterApplication(), config)
    period = opendnp3.TimeDuration.Milliseconds(round(pause * 1000))
    master.AddClassScan(opendnp3.ClassField.AllClasses(), period, handler)
    master.Enable()
    time.sleep(2 + rounds * pause)
