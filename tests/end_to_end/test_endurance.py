"""For as long as it takes: killed every few seconds, and hostile traffic as fast as it goes.

ENDURANCE_SECONDS says how long each goes on: seconds in CI, minutes by `make endurance`.
"""

import os
import random
import subprocess
import sys
import time

from pcaps.recipes.stations import BOILER, ENGINEER, MIXER, OFFICE
from tests.end_to_end.appliance import Appliance
from tests.exports.receivers import until

SECONDS = float(os.environ.get("ENDURANCE_SECONDS", "15"))
moments = random.Random(20261124)  # noqa: S311 - when somebody dies is no secret


def test_killed_every_few_seconds_it_loses_nothing_and_tells_nothing_under_another_id(plant, siem, tmp_path):
    appliance, stops, kills = Appliance(plant, tmp_path), 0, 0
    begun = time.monotonic()
    while time.monotonic() < begun + SECONDS:
        appliance.start()
        plant.talk(ENGINEER, "stop-s7")
        plant.talk(OFFICE, "write-modbus")
        stops += 1
        assert counts_to(stops, appliance, "ot.plc.stop")
        assert counts_to(stops, appliance, "ot.process.stranger")
        time.sleep(moments.random())
        appliance.kill()
        kills += 1
    with appliance.running():
        for row in appliance.alerts():
            siem.told(row["rule"], seconds=60, externalId=row["id"])
    one = {(row["rule"], row["source_ip"], row["target_ip"]): row["id"] for row in appliance.alerts()}
    assert len(one) == len(appliance.alerts())
    told = [(header[3], fields["src"], fields.get("dst"), fields["externalId"]) for header, fields in siem.events("ot.p")]
    assert {(*ends, told_as) for *ends, told_as in told} == {
        (*ends, known_as) for ends, known_as in one.items() if ends[0].startswith("ot.p")
    }
    assert one["ot.plc.stop", ENGINEER.ip, BOILER.ip]
    print(f"killed {kills} times in {time.monotonic() - begun:.0f} s, {stops} stops, {len(siem.events())} events")


def test_hostile_traffic_as_fast_as_it_goes_leaves_it_alive_and_no_larger(plant, siem, prometheus, tmp_path):
    def counted(name: str) -> float:
        return prometheus.value(f"otoscope_{name}_total") or 0

    with Appliance(plant, tmp_path).running() as appliance:
        siem.told("ot.asset.new", src=MIXER.ip)
        fuzzing = plant.start("switch", sys.executable, "-m", "tests.end_to_end.fuzz", "span", SECONDS, stdout=subprocess.PIPE)
        sizes = watched(appliance, fuzzing)
        sent = int(fuzzing.communicate()[0])
        assert until(lambda: counted("packets") + counted("kernel_dropped_packets") >= sent, SLOW)
        dropped, alerts = counted("kernel_dropped_packets"), len(appliance.alerts())
        print(
            f"{sent:,} frames in {SECONDS:.0f} s, {dropped:,.0f} dropped, {alerts} alerts; memory in MiB {sizes}, then {appliance.memory()}"
        )
        plant.talk(ENGINEER, "stop-s7")
        siem.told("ot.plc.stop", seconds=SLOW, src=ENGINEER.ip, dst=BOILER.ip, outcome="success")
        assert max(sizes) < LARGEST
        assert appliance.sent() == 0


SLOW = 120 + 2 * SECONDS
"""Seconds that a conclusion may take on a busy machine where the tables are full of addresses that nobody has."""
LARGEST = 1500
"""MiB that the sensor takes at the most."""


def watched(appliance: Appliance, fuzzing) -> list[int]:
    """Its memory in MiB, ten times while it is fuzzed."""
    sizes = []
    while fuzzing.poll() is None:
        time.sleep(SECONDS / 10)
        assert appliance.process.poll() is None
        sizes.append(appliance.memory())
    return sizes


def counts_to(number: int, appliance: Appliance, rule: str) -> bool:
    """It has happened so often, by the database."""
    return until(lambda: appliance.database.exists() and sum(row["count"] for row in appliance.alerts() if row["rule"] == rule) == number)
