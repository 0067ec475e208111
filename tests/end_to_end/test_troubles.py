"""What may go wrong around the sensor: nothing that it knew is lost, each alert keeps its one id, and it says what it could not see."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from pcaps.recipes.stations import ENGINEER, MIXER, OFFICE, STRANGER
from tests.end_to_end.appliance import Appliance
from tests.exports.receivers import until

[FAKETIME] = map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def test_the_siem_is_down_for_a_while(plant, siem, prometheus, tmp_path):
    with Appliance(plant, tmp_path).running() as appliance:
        siem.told("ot.asset.new", src=MIXER.ip)
        siem.stop()
        plant.talk(ENGINEER, "stop-s7")
        plant.talk(OFFICE, "write-modbus")
        assert until(lambda: {"ot.plc.stop", "ot.policy.enterprise_skip"} <= {row["rule"] for row in appliance.alerts()})
        assert until(lambda: prometheus.value("otoscope_export_connected") == 0)
        assert prometheus.value("otoscope_export_waiting_events") >= 2
        siem.start()
        for row in appliance.alerts():
            siem.told(row["rule"], seconds=60, externalId=row["id"])
        assert until(lambda: prometheus.value("otoscope_export_connected") == 1)
        assert prometheus.value("otoscope_export_dropped_events_total") == 0


def test_the_disk_is_full_for_a_while(plant, siem, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", state), check=True)
    try:
        with Appliance(plant, tmp_path, state=state).running() as appliance:
            siem.told("ot.asset.new", src=MIXER.ip)
            fill(state)
            plant.talk(ENGINEER, "stop-s7")
            assert until(lambda: appliance.said("cannot save"))
            assert "full" in appliance.said("cannot save")[0]["reason"]
            (state / "of somebody else").unlink()
            told = siem.told("ot.plc.stop", src=ENGINEER.ip)
            assert told["externalId"] in {row["id"] for row in appliance.alerts()}
    finally:
        subprocess.run(("umount", state), check=True)


def test_the_clock_is_stepped_by_months(plant, siem, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    fake = {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "LD_PRELOAD": FAKETIME}
    with Appliance(plant, tmp_path).running(**fake) as appliance:
        siem.told("ot.asset.new", src=MIXER.ip)
        siem.stop()
        plant.talk(ENGINEER, "stop-s7")
        assert until(lambda: {"ot.plc.stop"} <= {row["rule"] for row in appliance.alerts()})
        clock.write_text("+90d")  # longer than what waits is kept
        plant.talk(OFFICE, "write-modbus")
        assert until(lambda: {"ot.policy.enterprise_skip"} <= {row["rule"] for row in appliance.alerts()})
        siem.start()
        siem.told("ot.plc.stop", seconds=60, src=ENGINEER.ip)
        late = siem.told("ot.policy.enterprise_skip", src=OFFICE.ip)
        assert int(late["rt"]) - int(late["end"]) > 80 * 86_400_000  # it was told by the stepped clock
        clock.write_text("-90d")
        plant.talk(STRANGER, "scan")
        early = siem.told("ot.scan.port", src=STRANGER.ip)
        assert int(early["rt"]) < int(early["end"]) - 80 * 86_400_000
        assert siem.events("ot.sensor.export_dropped") == []


def test_the_ring_overruns_while_the_service_stands_still(plant, siem, prometheus, tmp_path):
    with Appliance(plant, tmp_path, capture="ring_mebibytes = 1").running() as appliance:
        siem.told("ot.asset.new", src=MIXER.ip)
        appliance.process.send_signal(signal.SIGSTOP)
        plant.talk(STRANGER, "flood", 4000, 0)
        time.sleep(3)
        appliance.process.send_signal(signal.SIGCONT)
        assert until(lambda: (prometheus.value("otoscope_kernel_dropped_packets_total") or 0) > 1000)
        siem.told("ot.sensor.loss")
        dropped = prometheus.value("otoscope_kernel_dropped_packets_total")
        plant.talk(ENGINEER, "stop-s7")
        siem.told("ot.plc.stop", src=ENGINEER.ip, outcome="success")
        assert prometheus.value("otoscope_kernel_dropped_packets_total") == dropped


def test_the_interface_flaps(plant, siem, tmp_path):
    with Appliance(plant, tmp_path).running() as appliance:
        for _ in range(3):
            plant.unplug_mirror()
            time.sleep(0.5)
            plant.plug_mirror()
            assert until(lambda: plant_is_heard(appliance))
        for _ in range(3):
            plant.ip("switch", "link", "set", "span", "down")
            time.sleep(0.3)
            plant.ip("switch", "link", "set", "span", "up")
        plant.talk(ENGINEER, "stop-s7")
        siem.told("ot.plc.stop", src=ENGINEER.ip, outcome="success")
        assert appliance.said("interface is missing")
        assert appliance.sent() == 0


def plant_is_heard(appliance: Appliance) -> bool:
    said = [row["event"] for row in appliance.said("interface is")]
    return said[-1] == "interface is capturing"


def fill(disk: Path) -> None:
    """Until there is no room for a page more."""
    room = os.statvfs(disk)
    with suppress(OSError):
        (disk / "of somebody else").write_bytes(bytes(room.f_bavail * room.f_bsize))
