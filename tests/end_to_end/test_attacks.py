"""What a security operations centre is told of a plant of real stacks, while it happens."""

import pytest

from pcaps.recipes.mirrored import TALKERS, recorded
from pcaps.recipes.stations import BOILER, ENGINEER, FILLER, HMI, MIXER, OFFICE, SCADA, STRANGER, SUBSTATION
from sensor.store import ASSETS, OPERATIONS, Query, Store
from tests.end_to_end.appliance import Appliance, Siem
from tests.exports.receivers import until

USUAL = 4
"""Seconds of polling that hold all that is usual."""


UNJUDGED = ("Inventory", "Health", "Incident")


@pytest.fixture(scope="module")
def siem(plant, tmp_path_factory):
    siem = Siem(plant, tmp_path_factory.mktemp("siem"))
    siem.start()
    yield siem
    siem.stop()


@pytest.fixture(scope="module")
def appliance(plant, siem, prometheus, tmp_path_factory):  # noqa: ARG001 - they are there when it starts
    """It knows what is usual here from a capture of the same mirror port."""
    folder = tmp_path_factory.mktemp("appliance")
    with recorded(plant, str(folder / "usual.pcap")):
        plant.run("sensor", "sleep", USUAL)
    appliance = Appliance(plant, folder)
    appliance.otoscope("baseline", "export", "--learning-days", "0", folder / "usual.pcap", "-o", folder / "baseline.toml")
    appliance.otoscope("baseline", "import", folder / "baseline.toml", "--database", appliance.database)
    with appliance.running():
        yield appliance
    assert appliance.sent() == 0


def test_normal_polling_is_read_in_four_protocols_and_alarms_nobody(appliance, siem, prometheus):
    read = 'min(otoscope_messages_total{protocol=~"modbus|s7comm|cip|dnp3"})'
    assert until(lambda: (prometheus.value(read) or 0) > 40, 60)
    assert prometheus.value('sum(otoscope_malformed_messages_total{protocol=~"modbus|s7comm|cip|enip|dnp3"})') == 0
    assert prometheus.value("otoscope_kernel_dropped_packets_total") == 0
    assert [row["message"] for row in appliance.alerts()] == []
    assert prometheus.value("sum(otoscope_open_alerts)") == 0
    assert prometheus.value('otoscope_assets{level="1",type="plc"}') == 3
    assert siem.types() == {"ot.sensor.heartbeat", "ot.asset.new"}
    with Store.open(appliance.database) as store:
        assets = {row["ips"][0]: (row["level"], row["type"]) for row in store.find(ASSETS, Query()).rows}
        writes = {(row["client"], row["server"], row["object"]) for row in store.find(OPERATIONS, Query()).rows if row["intent"] == "write"}
    assert assets == {
        MIXER.ip: (1, "plc"),
        BOILER.ip: (1, "plc"),
        FILLER.ip: (1, "plc"),
        SUBSTATION.ip: (1, "rtu"),
        HMI.ip: (2, "scada_server"),
        SCADA.ip: (2, "scada_server"),
    }
    assert writes == {(HMI.ip, MIXER.ip, "HR 40021"), (HMI.ip, BOILER.ip, "DB1.DBB10 x2")}


def test_a_computer_of_the_enterprise_writes_to_a_controller(plant, appliance, siem, prometheus):
    plant.talk(OFFICE, "write-modbus")
    violation = siem.told("ot.policy.enterprise_skip", src=OFFICE.ip, dst=MIXER.ip, cs2="level 4", cs3="level 1", app="MODBUS", dpt="502")
    assert violation["outcome"] == "success"
    assert violation["OtoscopeSensorSrcLevel"] == "4"
    assert violation["OtoscopeSensorDstLevel"] == "1"
    assert "write" in violation["cs4"]
    assert "HR 40031" in violation["cs5"]
    assert violation["dmac"] == MIXER.mac.upper()
    assert "smac" not in violation  # what the cell sees is the router's
    siem.told("ot.process.stranger", src=OFFICE.ip, dst=MIXER.ip, outcome="success", cs4="Write Single Register", cs5="HR 40031")
    assert until(lambda: prometheus.value('otoscope_violations{source_zone="level 4",target_zone="level 1",intent="write"}') == 1)
    [kept] = [row for row in appliance.alerts() if row["id"] == violation["externalId"]]
    assert (kept["rule"], kept["status"]) == ("ot.policy.enterprise_skip", "open")


def test_a_controller_is_stopped(plant, siem, prometheus):
    plant.talk(ENGINEER, "stop-s7")
    stop = siem.told("ot.plc.stop", src=ENGINEER.ip, dst=BOILER.ip, cs4="Stop", outcome="success", app="S7COMM", cs6="T0858 T0881")
    assert (stop["smac"], stop["dmac"]) == (ENGINEER.mac.upper(), BOILER.mac.upper())
    assert (stop["OtoscopeSensorSrcLevel"], stop["OtoscopeSensorDstLevel"]) == ("2", "1")
    assert until(lambda: (prometheus.value("sum(otoscope_open_alerts)") or 0) >= 3)
    assert stop["externalId"] in siem.told("ot.incident", src=ENGINEER.ip)["OtoscopeSensorAlertIds"]


def test_a_program_is_read_back(plant, siem):
    plant.talk(ENGINEER, "upload-s7")
    upload = siem.told("ot.plc.program_upload", src=ENGINEER.ip, dst=BOILER.ip, outcome="success", cs5="DB 1 (active)")
    assert "Start upload" in upload["cs4"]


def test_a_new_device_reads_from_a_controller(plant, appliance, siem):
    plant.run(STRANGER.role, *TALKERS, "poll-modbus", 3, 0.1)
    siem.told("ot.asset.new", src=STRANGER.ip, smac=STRANGER.mac.upper(), OtoscopeSensorVendor="HP")
    new = siem.told("ot.baseline.asset", src=STRANGER.ip)
    assert new["externalId"] in {row["id"] for row in appliance.alerts()}


def test_the_network_is_scanned(plant, siem):
    plant.talk(STRANGER, "scan")
    siem.told("ot.scan.port", src=STRANGER.ip, dst=MIXER.ip)
    siem.told("ot.scan.controllers", src=STRANGER.ip)


def test_the_siem_has_all_that_the_database_has_and_nothing_was_taken_back(appliance, siem):
    def told(**wanted):
        return {fields["externalId"] for _, fields in siem.events() if fields["cat"] not in UNJUDGED and wanted.items() <= fields.items()}

    assert until(lambda: told() >= {row["id"] for row in appliance.alerts()})
    assert told() == {row["id"] for row in appliance.alerts()}
    assert told(OtoscopeSensorStatus="closed") == set()
