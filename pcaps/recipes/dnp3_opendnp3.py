"""DNP3 between opendnp3's master and outstation (PyPI: dnp3-python, Python 3.8 to 3.10)."""

import os
import sys
import time
from importlib.metadata import version

from pydnp3 import asiodnp3, asiopal, opendnp3, openpal  # type: ignore[import-not-found] # no package for Python 3.11

from pcaps.recipes.expectation import Recipe
from pcaps.recipes.laboratory import record
from pcaps.recipes.stations import SCADA, SUBSTATION

PORT = 20000
MASTER, OUTSTATION = 1, 10
POINTS = 60


class Application(opendnp3.IOutstationApplication):  # type: ignore[misc] # untyped
    """An outstation that takes the time from its master."""

    def SupportsWriteAbsoluteTime(self) -> bool:  # noqa: N802 - opendnp3's name
        """Yes."""
        return True

    def WriteAbsoluteTime(self, timestamp: object) -> bool:  # noqa: N802 - opendnp3's name
        """Taken."""
        del timestamp
        return True

    def GetApplicationIIN(self) -> object:  # noqa: N802 - opendnp3's name
        """Needs the time, so that the master sets it."""
        bits = opendnp3.ApplicationIIN()
        bits.needTime = not hasattr(self, "asked")
        self.asked = True
        return bits


def _outstation_config() -> object:
    sizes = opendnp3.DatabaseSizes.AllTypes(POINTS)
    sizes.numTimeAndInterval = 0
    config = asiodnp3.OutstationStackConfig(sizes)
    config.outstation.eventBufferConfig = opendnp3.EventBufferConfig().AllTypes(50)
    config.outstation.params.allowUnsolicited = True
    config.outstation.params.maxTxFragSize = 600
    config.link.LocalAddr, config.link.RemoteAddr = OUTSTATION, MASTER
    config.link.KeepAliveTimeout = openpal.TimeDuration().Seconds(3)
    for index in range(POINTS):
        config.dbConfig.analog[index].clazz = opendnp3.PointClass.Class2
        config.dbConfig.binary[index].clazz = opendnp3.PointClass.Class1
    return config


def serve() -> None:
    """An outstation whose points move a little."""
    manager = asiodnp3.DNP3Manager(1, asiodnp3.ConsoleLogger().Create())
    levels = opendnp3.levels.NORMAL
    retry = asiopal.ChannelRetry().Default()
    listener = asiodnp3.PrintingChannelListener().Create()
    channel = manager.AddTCPServer("server", levels, retry, SUBSTATION.ip, PORT, listener)
    application = Application()
    commands = opendnp3.SuccessCommandHandler().Create()
    outstation = channel.AddOutstation("outstation", commands, application, _outstation_config())
    outstation.Enable()
    number = 0
    while True:
        time.sleep(1.1)
        number += 1
        changes = asiodnp3.UpdateBuilder()
        changes.Update(opendnp3.Analog(100.5 + number), number % POINTS, opendnp3.EventMode.Force)
        changes.Update(opendnp3.Binary(number % 2 == 0), number % 8, opendnp3.EventMode.Force)
        changes.Update(opendnp3.Counter(1000 + number), 0, opendnp3.EventMode.Force)
        outstation.Apply(changes.Build())


def _master_config() -> object:
    config = asiodnp3.MasterStackConfig()
    config.master.responseTimeout = openpal.TimeDuration().Seconds(2)
    config.master.disableUnsolOnStartup = True
    config.master.timeSyncMode = opendnp3.TimeSyncMode.NonLAN
    config.link.LocalAddr, config.link.RemoteAddr = MASTER, OUTSTATION
    return config


def ask() -> None:
    """A master: class polls, ranges, controls of every kind, a restart."""
    manager = asiodnp3.DNP3Manager(1, asiodnp3.ConsoleLogger().Create())
    retry = asiopal.ChannelRetry().Default()
    listener = asiodnp3.PrintingChannelListener().Create()
    channel = manager.AddTCPClient("client", opendnp3.levels.NORMAL, retry, SUBSTATION.ip, SCADA.ip, PORT, listener)
    application = asiodnp3.DefaultMasterApplication().Create()
    master = channel.AddMaster("master", asiodnp3.PrintingSOEHandler().Create(), application, _master_config())
    master.Enable()
    time.sleep(3)
    default = opendnp3.TaskConfig().Default()
    done = asiodnp3.PrintingCommandCallback.Get()
    master.ScanClasses(opendnp3.ClassField(opendnp3.ClassField.CLASS_1), default)
    master.ScanClasses(opendnp3.ClassField().AllClasses(), default)
    master.ScanRange(opendnp3.GroupVariationID(30, 1), 0, 20, default)
    master.ScanAllObjects(opendnp3.GroupVariationID(20, 0), default)
    close = opendnp3.ControlRelayOutputBlock(opendnp3.ControlCode.LATCH_ON)
    pulse = opendnp3.ControlRelayOutputBlock(opendnp3.ControlCode.PULSE_ON, 1, 500, 500)
    master.SelectAndOperate(close, 3, done, default)
    master.DirectOperate(pulse, 4, done, default)
    master.DirectOperate(opendnp3.AnalogOutputFloat32(42.5), 1, done, default)
    master.SelectAndOperate(opendnp3.AnalogOutputInt16(-7), 2, done, default)
    time.sleep(5)
    os._exit(0)  # opendnp3's own shutdown hangs now and then


def main() -> None:
    """Make the capture, or be one of the ends."""
    if len(sys.argv) > 1:
        (serve if sys.argv[1] == "server" else ask)()
        return
    stack = f"opendnp3 by dnp3-python {version('dnp3-python')}"
    origin = f"{stack}, master and outstation, two network namespaces, tcpdump at the master"
    shows = "start-up, class polls over several link frames and fragments, unsolicited, time, controls, link status"
    record(Recipe("dnp3-session.pcap", "dnp3_opendnp3", shows, origin), SUBSTATION, SCADA, PORT)


if __name__ == "__main__":
    main()
