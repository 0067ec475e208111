"""Detectors that no capture of ours raises: rows made by hand, and the same a little more harmless."""

import pytest

from sensor.conduits.model import Pin, Site
from sensor.detections.model import Outcome, Severity
from sensor.observations import Observations
from sensor.pipeline import conclude
from tests.detections.rows import MINUTE, Conversation, Endpoint, Operation, Plant


def plant() -> Plant:
    return Plant().host(1).host(2)


COMMANDS = [
    ("ot.plc.stop", "modbus", 90, 0x41, (90, 0x04)),
    ("ot.plc.stop", "cip", 0x07, 0x8E, (0x0E, 0x8E)),
    ("ot.plc.stop", "pccc", 0x0F80, 0x01, (0x0F68, None)),
    ("ot.plc.mode", "pccc", 0x0F80, 0x07, (0x0F68, None)),
    ("ot.plc.force", "s7comm", 0x70109, None, (0x70102, None)),
    ("ot.plc.outputs", "pccc", 0x0700, None, (0x0F68, None)),
    ("ot.plc.memory_reset", "s7comm", 0x7010C, None, (0x70102, None)),
    ("ot.plc.listen_only", "modbus", 8, 4, (8, 0)),
    ("ot.plc.debug", "s7comm", 0x7010A, None, (0x70102, None)),
    ("ot.plc.blink", "s7comm", 0x70116, None, (0x70102, None)),
    ("ot.plc.program_objects", "s7comm_plus", 0x04CA, None, (0x04CA, 1001)),
    ("ot.plc.delete", "s7comm", 0x28, 2, (0x28, 7)),
    ("ot.plc.firmware", "modbus", 125, None, (17, None)),
    ("ot.plc.address", "cip", 0x10, 0xF5, (0x0E, 0xF5)),
    ("ot.plc.credentials", "cip", 0x51, 0x39, (0x0E, 0x39)),
    ("ot.plc.reservation", "modbus", 90, 0x10, (90, 0x04)),
    ("ot.plc.modify_variable", "s7comm", 0x70108, None, (0x70102, None)),
    ("ot.plc.alarms_locked", "s7comm", 0x70407, None, (0x70405, None)),
    ("ot.plc.alarms_acknowledged", "s7comm", 0x7040B, None, (0x70405, None)),
    ("ot.dnp3.cold_restart", "dnp3", 13, None, (1, None)),
    ("ot.dnp3.warm_restart", "dnp3", 14, None, (1, None)),
    ("ot.dnp3.stop_application", "dnp3", 18, None, (1, None)),
    ("ot.dnp3.start_application", "dnp3", 17, None, (1, None)),
    ("ot.dnp3.initialize_data", "dnp3", 15, None, (1, None)),
    ("ot.dnp3.save_configuration", "dnp3", 19, None, (1, None)),
    ("ot.dnp3.activate_configuration", "dnp3", 31, None, (1, None)),
    ("ot.dnp3.assign_class", "dnp3", 22, None, (1, None)),
    ("ot.dnp3.settings", "dnp3", 2, 34, (2, None)),
    ("ot.dnp3.file_write", "dnp3", 25, 2, (25, 1)),
    ("ot.dnp3.file_read", "dnp3", 25, 1, (25, 2)),
    ("ot.dnp3.file_delete", "dnp3", 27, None, (1, None)),
    ("ot.dnp3.freeze_and_clear", "dnp3", 9, None, (7, None)),
]


@pytest.mark.parametrize(("rule", "protocol", "function", "sub", "harmless"), COMMANDS)
def test_a_dangerous_command_is_told_from_a_harmless_one(rule, protocol, function, sub, harmless) -> None:
    for (code, part), wanted in (((function, sub), True), (harmless, False)):
        made = plant()
        made.asks(made.talk(1, 2, protocol=protocol), protocol, code, part)
        assert (rule in made.rules()) is wanted


BREACHES = {
    "ot.scan.arp": ("arp", "arp_scan", 1),
    "ot.login.clear_text": ("ftp", "clear_text_credentials", 1),
    "ot.login.excessive": ("ftp", "login_failed", 20),
    "ot.login.guessing": ("ftp", "login_failed", 100),
    "ot.protocol.malformed": ("dnp3", "bad_crc", 2),
    "ot.protocol.function_zero": ("modbus", "invalid_function", 1),
    "ot.protocol.reserved_function": ("dnp3", "reserved_function", 1),
    "ot.protocol.request_by_server": ("dnp3", "request_in_response", 1),
    "ot.protocol.reserved_field": ("enip", "reserved_field", 1),
    "ot.protocol.out_of_range": ("modbus", "quantity_out_of_range", 1),
    "ot.protocol.length": ("modbus", "length_mismatch", 1),
    "ot.protocol.response_mismatch": ("modbus", "response_mismatch", 1),
    "ot.protocol.confirmation": ("dnp3", "confirmation_requested", 1),
    "ot.protocol.reserved_indication": ("dnp3", "reserved_indication", 1),
}


@pytest.mark.parametrize(("rule", "protocol", "kind", "count"), [(rule, *row) for rule, row in BREACHES.items()])
def test_a_breach_is_told(rule, protocol, kind, count) -> None:
    made = plant()
    talk = made.talk(1, 2, protocol=protocol)
    assert rule not in made.rules()
    assert rule in made.breaks(talk, protocol, kind, count=count).rules()


@pytest.mark.parametrize(
    ("rule", "ports", "hosts", "protocol"),
    [
        ("ot.scan.address", 1, 60, None),
        ("ot.scan.controllers", 1, 12, "modbus"),
        ("ot.scan.port", 30, 1, None),
    ],
)
def test_scans(rule, ports, hosts, protocol) -> None:
    def scan(share: int) -> set[str]:
        made = plant()
        for host in range(max(hosts // share, 1)):
            for port in range(max(ports // share, 1)):
                number = 502 if protocol else 1000 + port
                made.talk(1, 100 + host, port=number, protocol=protocol, packets=(1, 0), refused=1, first=port + host)
        return made.rules()

    assert rule in scan(1)
    assert rule not in scan(4)


def test_floods_of_sessions_at_a_controller() -> None:
    made = plant()
    made.talk(1, 2, protocol="modbus", connections=500, most_in_a_minute=500, packets=(2000, 500))
    assert {alert.severity for alert in made.known().alerts if alert.rule == "ot.flood.sessions"} == {Severity.HIGH}
    made = plant()
    made.talk(1, 2, protocol="modbus", connections=5)
    assert "ot.flood.sessions" not in made.rules()


def test_a_device_that_answered_before_and_does_not_any_more() -> None:
    def rules(answered: int, unanswered: int) -> set[str]:
        made = Plant().host(1, last=10 * MINUTE).host(2, last=MINUTE)
        talk = made.talk(1, 2, protocol="modbus", last=10 * MINUTE)
        made.asks(talk, "modbus", 3, requests=answered + unanswered, responses=answered, unanswered=unanswered, last=10 * MINUTE)
        return made.rules()

    assert {"ot.outage.unresponsive", "ot.outage.silent"} <= rules(10, 10)
    assert not {"ot.outage.unresponsive", "ot.outage.silent"} & rules(0, 20)
    assert not {"ot.outage.unresponsive", "ot.outage.silent"} & rules(20, 0)


@pytest.mark.parametrize(
    ("rule", "key", "before", "after"),
    [
        ("ot.state.firmware", "firmware", "1.0", "1.1"),
        ("ot.state.mode", "mode", "run", "stop"),
        ("ot.state.identity", "serial", "A1", "B2"),
        ("ot.state.protection", "protection", "level 3", "level 1"),
    ],
)
def test_what_a_device_says_differently_than_before(rule, key, before, after) -> None:
    made = plant().says(2, key, before, "s7comm", last=MINUTE)
    assert rule not in made.rules()
    assert rule in made.says(2, key, after, "s7comm", first=2 * MINUTE, last=3 * MINUTE).rules()


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("ot.state.outstation_trouble", "device trouble"),
        ("ot.state.outstation_configuration", "configuration corrupt"),
        ("ot.state.outstation_overflow", "event buffer overflow"),
        ("ot.state.outstation_local", "local control"),
    ],
)
def test_what_an_outstation_says_of_itself(rule, status) -> None:
    assert rule in plant().says(2, "status", status, "dnp3").rules()
    assert rule not in plant().says(2, "status", "time synchronisation required", "dnp3").rules()


def test_two_hosts_in_the_role_of_one_master() -> None:
    made = plant().host(3)
    for client in (1, 3):
        made.asks(made.talk(client, 2, protocol="dnp3"), "dnp3", 1, unit="1-10")
    assert {"ot.dnp3.same_master", "ot.dnp3.several_masters"} <= made.rules()
    made = plant()
    made.asks(made.talk(1, 2, protocol="dnp3"), "dnp3", 1, unit="1-10")
    assert not {"ot.dnp3.same_master", "ot.dnp3.several_masters"} & made.rules()


def test_a_session_of_engineering_software_is_less_suspicious_than_one_command() -> None:
    made = plant()
    talk = made.talk(1, 2, protocol="s7comm", port=102)
    made.asks(talk, "s7comm", 0x1A)
    assert made.severity("ot.plc.program_download") is Severity.CRITICAL
    for function, subfunction in ((0x70401, None), (0x70301, None), (0x70302, None), (0x70303, None)):
        made.asks(talk, "s7comm", function, subfunction, requests=5, responses=5)
    assert made.severity("ot.plc.program_download") is Severity.HIGH
    made.host(3).asks(made.talk(3, 2, protocol="s7comm", port=102), "s7comm", 0x04)
    engineer = Site(pins=(Pin("10.0.0.3", kind="engineering_workstation"),))
    told = {alert.severity for alert in made.known(engineer).alerts if alert.rule == "ot.plc.program_download"}
    assert told == {Severity.CRITICAL}


def test_the_only_client_of_a_device_is_less_suspicious_than_another_one() -> None:
    made = plant().host(3)
    made.asks(made.talk(1, 2, protocol="s7comm", port=102), "s7comm", 0x1D)
    assert made.severity("ot.plc.program_upload") is Severity.MEDIUM
    made.asks(made.talk(3, 2, protocol="s7comm", port=102), "s7comm", 0x04)
    assert made.severity("ot.plc.program_upload") is Severity.HIGH


def test_a_refused_command_is_less_severe_than_an_accepted_one() -> None:
    for errors, severity in ((0, Severity.CRITICAL), (1, Severity.HIGH)):
        made = plant()
        made.asks(made.talk(1, 2, protocol="s7comm", port=102), "s7comm", 0x29, errors=errors)
        assert made.severity("ot.plc.stop") is severity


def test_what_a_host_does_to_itself_is_no_more_than_low() -> None:
    made = Plant().host(1)
    made.asks(made.talk(1, 1, protocol="s7comm", port=102), "s7comm", 0x29)
    assert made.severity("ot.plc.stop") is Severity.LOW


def test_a_failure_is_told_as_rejected_although_other_requests_were_accepted() -> None:
    made = plant()
    made.asks(made.talk(1, 2, protocol="modbus"), "modbus", 3, requests=9, responses=9, errors=2, statuses=((2, 2),))
    (alert,) = (alert for alert in made.known().alerts if alert.rule == "ot.failure.illegal_address")
    assert alert.outcome is Outcome.REJECTED
    assert "accepted" not in alert.message


@pytest.mark.parametrize(
    ("protocol", "function", "subfunction", "forbidden"),
    [("s7comm", 0x29, None, True), ("modbus", 8, 1, False), ("dnp3", 13, None, False), ("dnp3", 18, None, False)],
)
def test_stopping_is_for_engineering_workstations_and_restarting_for_masters_too(protocol, function, subfunction, forbidden) -> None:
    site = Site(pins=(Pin("10.0.0.1", level=2), Pin("10.0.0.2", level=1)))
    made = plant()
    made.asks(made.talk(1, 2, protocol=protocol), protocol, function, subfunction)
    alerts = [alert for alert in made.known(site).alerts if alert.rule == "ot.policy.ews_role"]
    assert bool(alerts) is forbidden
    assert all(alert.techniques == ("T0858",) for alert in alerts)


def test_a_plant_with_public_addresses_inside_has_no_contact_with_the_internet() -> None:
    rows = Observations()
    rows.endpoints[1] = Endpoint(1, "02:00:00:00:00:01", "134.249.62.230")
    rows.endpoints[2] = Endpoint(2, "02:00:00:00:00:02", "134.249.61.163")
    rows.conversations[3] = Conversation(3, "134.249.62.230", "134.249.61.163", protocol="s7comm", port=102)
    rows.operations[4] = Operation(4, 3, "s7comm", 0x70501)
    known = conclude(rows, Site(pins=(Pin("134.249.61.163", level=1),)))
    assert not any(asset.outside for asset in known.assets.values())
    assert not known.violations


def test_engineering_software_at_a_safety_controller() -> None:
    made = plant()
    made.talk(1, 2, protocol="tristation", transport="udp", port=1502)
    assert made.severity("ot.discovery.safety_engineering") is Severity.MEDIUM
    announced = made.known(Site(pins=(Pin("10.0.0.1", kind="engineering_workstation"),))).alerts
    assert {alert.severity for alert in announced if alert.rule == "ot.discovery.safety_engineering"} == {Severity.LOW}
    silent = plant()
    silent.talk(1, 2, protocol="tristation", transport="udp", port=1502, packets=(10, 0))
    assert "ot.discovery.safety_engineering" not in silent.rules()


def test_an_engineering_workstation_by_the_word_of_the_operator_is_no_stranger() -> None:
    made = plant()
    made.asks(made.talk(1, 2, protocol="s7comm", port=102), "s7comm", 0x29)
    told = made.known(Site(pins=(Pin("10.0.0.1", kind="engineering_workstation"),))).alerts
    assert made.severity("ot.plc.stop") is Severity.CRITICAL
    assert {alert.severity for alert in told if alert.rule == "ot.plc.stop"} == {Severity.MEDIUM}


def test_the_peaks_of_different_hours_are_no_flood_together() -> None:
    def rules(apart: int) -> set[str]:
        made = plant()
        talk = made.talk(1, 2, protocol="modbus", last=60 * MINUTE)
        for number in range(10):
            start = number * apart
            about = {"requests": 7000, "responses": 7000, "first": start, "last": start + MINUTE // 2}
            made.asks(talk, "modbus", 3, object=f"HR {number}", most_in_a_minute=(7000, 0), **about)
        return made.rules()

    assert "ot.flood.requests" in rules(0)
    assert "ot.flood.requests" not in rules(5 * MINUTE)


@pytest.mark.parametrize(("client", "server", "port", "forbidden"), [(1, 2, 502, True), (1, 2, 443, False), (2, 1, 502, False)])
def test_the_internet_does_not_reach_ports_of_control(client, server, port, forbidden) -> None:
    made = plant()
    made.talk(client, server, protocol="tls", port=port)
    found = [alert for alert in made.known(Site(outside=("10.0.0.1/32",))).alerts if alert.rule == "ot.policy.internet"]
    assert bool(found) is forbidden
    assert all((alert.source_ip, alert.severity) == ("10.0.0.1", Severity.HIGH) for alert in found)
