"""A plant to look at: what a capture held, with devices, levels, violations, alerts and an incident set by hand."""

from dataclasses import replace
from pathlib import Path

from sensor.capture import open_capture
from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Engine, Incident, Outcome, Severity
from sensor.inventory.model import FIELDS, Address, Asset, Evidence, Field, Kind, Level, Role
from sensor.inventory.resolve import asset_id
from sensor.knowledge import Dialogue, Knowledge, Party
from sensor.observations import observe
from sensor.pipeline import conclude

PCAPS = Path(__file__).parents[2] / "pcaps"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND

# name, ip, kind, level, zone, vendor, model, firmware, mode, operating system
DEVICES = (
    ("support.vendor.example", "203.0.113.77", Kind.UNKNOWN, 5, "outside", None, None, None, None, None),
    ("198.51.100.20", "198.51.100.20", Kind.UNKNOWN, 5, "outside", None, None, None, None, None),
    ("OFFICE-PC-11", "10.40.1.11", Kind.WORKSTATION, 4, "enterprise", "Dell", None, None, None, "Windows 11"),
    ("FILES01", "10.40.1.5", Kind.SERVER, 4, "enterprise", "HPE", None, None, None, "Windows Server 2019"),
    ("DC01", "10.40.1.2", Kind.DOMAIN_CONTROLLER, 4, "enterprise", "HPE", None, None, None, "Windows Server 2022"),
    ("JUMP01", "10.35.1.10", Kind.JUMP_HOST, 3.5, "dmz", "VMware", None, None, None, "Windows Server 2019"),
    ("HIST-REPLICA", "10.35.1.20", Kind.HISTORIAN, 3.5, "dmz", "VMware", None, None, None, None),
    ("HIST01", "10.30.1.20", Kind.HISTORIAN, 3, "operations", "VMware", None, None, None, "Windows Server 2016"),
    ("ES-WATER", "10.30.1.30", Kind.ENGINEERING_WORKSTATION, 3, "operations", "Siemens", "SIMATIC Field PG", None, None, "Windows 10"),
    ("core-switch", "10.30.1.1", Kind.SWITCH, 3, "operations", "Cisco", "IE-3400", "17.9.4", None, "IOS XE"),
    ("SCADA01", "10.20.1.100", Kind.SCADA_SERVER, 2, "intake", "Dell", None, None, None, "Windows 10"),
    ("HMI-INTAKE", "10.20.1.102", Kind.HMI, 2, "intake", "Siemens", "TP1200 Comfort", None, None, None),
    ("HMI-DOSING", "10.20.2.102", Kind.HMI, 2, "dosing", "Rockwell Automation", "PanelView Plus 7", "12.0", None, None),
    ("PLC-INTAKE", "10.20.1.12", Kind.PLC, 1, "intake", "Siemens", "CPU 315-2 PN/DP", "V3.2.6", "run", None),
    ("PLC-FILTER", "10.20.1.11", Kind.PLC, 1, "intake", "Schneider Electric", "BMX P34 2020", "v2.7", None, None),
    ("PLC-DOSING", "10.20.2.13", Kind.PLC, 1, "dosing", "Rockwell Automation", "1756-L61/B", "20.11", "run", None),
    ("RTU-RESERVOIR", "10.20.3.14", Kind.RTU, 1, "reservoir", "Schweitzer", "SEL-3530", None, None, None),
    ("GW-METERS", "10.20.1.15", Kind.GATEWAY, 1, "intake", "Schneider Electric", "EGX100", None, None, None),
    ("10.20.2.40", "10.20.2.40", Kind.DRIVE, 0, "dosing", "Rockwell Automation", "PowerFlex 525", "5.1", None, None),
    ("10.20.2.41", "10.20.2.41", Kind.IO, 0, "dosing", "Rockwell Automation", "1734-AENTR", "6.12", None, None),
    ("10.20.1.66", "10.20.1.66", Kind.UNKNOWN, None, None, "HP", None, None, None, None),
)

# client, server, a capture that holds such a conversation, its protocol
TALKS = (
    ("SCADA01", "PLC-INTAKE", "s7comm-operate.pcap", "s7comm"),
    ("SCADA01", "PLC-FILTER", "demo.pcap", "modbus"),
    ("SCADA01", "GW-METERS", "demo.pcap", "modbus"),
    ("SCADA01", "RTU-RESERVOIR", "demo.pcap", "dnp3"),
    ("HMI-INTAKE", "PLC-INTAKE", "s7comm-engineer.pcap", "s7comm"),
    ("HMI-DOSING", "PLC-DOSING", "demo.pcap", "enip"),
    ("PLC-DOSING", "10.20.2.40", "demo.pcap", "enip"),
    ("PLC-DOSING", "10.20.2.41", "demo.pcap", "enip"),
    ("ES-WATER", "PLC-INTAKE", "s7comm-program.pcap", "s7comm"),
    ("HIST01", "SCADA01", "http.pcap", "http"),
    ("HIST-REPLICA", "HIST01", "http.pcap", "http"),
    ("OFFICE-PC-11", "HIST-REPLICA", "http.pcap", "http"),
    ("OFFICE-PC-11", "FILES01", "smb-ntlm.pcap", "smb"),
    ("OFFICE-PC-11", "198.51.100.20", "tls.pcap", "tls"),
    ("OFFICE-PC-11", "PLC-FILTER", "modbus-functions.pcap", "modbus"),
    ("JUMP01", "ES-WATER", "rdp-cookie.pcap", "rdp"),
    ("HMI-INTAKE", "support.vendor.example", "tls.pcap", "tls"),
    ("10.20.1.66", "PLC-INTAKE", "s7comm-program.pcap", "s7comm"),
    ("10.20.1.66", "GW-METERS", "demo.pcap", "modbus"),
    ("10.20.1.66", "PLC-DOSING", "demo.pcap", "enip"),
)

# rule, title, severity, source, target, protocol, intent, outcome
VIOLATIONS = (
    ("internet", "Internet contact", Severity.CRITICAL, "HMI-INTAKE", "support.vendor.example", "tls", None, Outcome.NONE),
    (
        "enterprise_skip",
        "Enterprise reaches a controller",
        Severity.CRITICAL,
        "OFFICE-PC-11",
        "PLC-FILTER",
        "modbus",
        "write",
        Outcome.ACCEPTED,
    ),
    (
        "enterprise_skip",
        "Enterprise reaches a controller",
        Severity.HIGH,
        "OFFICE-PC-11",
        "PLC-FILTER",
        "modbus",
        "read",
        Outcome.ACCEPTED,
    ),
    (
        "engineering_role",
        "Program service by a stranger",
        Severity.CRITICAL,
        "10.20.1.66",
        "PLC-INTAKE",
        "s7comm",
        "program",
        Outcome.ACCEPTED,
    ),
    ("peer_cell", "Another cell is written", Severity.MEDIUM, "10.20.1.66", "PLC-DOSING", "enip", "read", Outcome.REJECTED),
)

# rule, title, engine, severity, source, target, protocol, techniques, outcome
ALERTS = (
    (
        "ot.protocol.malformed",
        "Malformed Modbus message",
        Engine.PROTOCOL,
        Severity.LOW,
        "SCADA01",
        "GW-METERS",
        "modbus",
        (),
        Outcome.NONE,
    ),
    (
        "ot.policy.write",
        "Unauthorized write",
        Engine.POLICY,
        Severity.HIGH,
        "OFFICE-PC-11",
        "PLC-FILTER",
        "modbus",
        ("T0855",),
        Outcome.ACCEPTED,
    ),
    ("ot.scan.address", "Address scan", Engine.ANOMALY, Severity.MEDIUM, "10.20.1.66", None, None, ("T0846",), Outcome.NONE),
    (
        "ot.plc.upload",
        "PLC program upload",
        Engine.OPERATIONAL,
        Severity.HIGH,
        "10.20.1.66",
        "PLC-INTAKE",
        "s7comm",
        ("T0845",),
        Outcome.ACCEPTED,
    ),
    (
        "ot.plc.stop",
        "PLC stop",
        Engine.OPERATIONAL,
        Severity.CRITICAL,
        "10.20.1.66",
        "PLC-INTAKE",
        "s7comm",
        ("T0858", "T0816"),
        Outcome.ACCEPTED,
    ),
)


def plant() -> Knowledge:
    """Twenty devices at all levels, six violations, five alerts, one incident."""
    rows: dict[tuple[str, str], Dialogue] = {}
    for _, _, capture, protocol in TALKS:
        if (capture, protocol) not in rows:
            known = conclude(observe(open_capture(PCAPS / capture)))
            spoken = (dialogue for dialogue in known.dialogues.values() if dialogue.row.protocol == protocol)
            rows[capture, protocol] = max(spoken, key=lambda dialogue: len(dialogue.operations))
    known = conclude(observe(open_capture(PCAPS / "demo.pcap")))
    known.assets = {device.id: device for device in map(_device, DEVICES)} | {part.id: part for part in _parts()}
    known.profiles = {}
    known.dialogues = {
        number: _between(rows[capture, protocol], known.assets[_id(client)], known.assets[_id(server)])
        for number, (client, server, capture, protocol) in enumerate(TALKS)
    }
    known.violations = tuple(_violations(known))
    known.alerts = tuple(_alerts(known))
    [*_, scan, upload, stop] = known.alerts
    actor = _id("10.20.1.66")
    known.incidents = (
        Incident("i1", "Intrusion by 10.20.1.66", Severity.CRITICAL, (scan.id, upload.id, stop.id), actor, scan.first, stop.last),
    )
    return known


def _id(name: str | None) -> str:
    """Nothing that a reader should ever see."""
    return asset_id(name or "", None)


def _device(row: tuple) -> Asset:
    name, ip, kind, level, zone, vendor, model, firmware, mode, system = row
    told = {"vendor": vendor, "model": model, "firmware": firmware, "mode": mode, "operating_system": system}
    fields = {key: Field(told.get(key), 0.9 if told.get(key) else 0.0, queried=key != "serial") for key in FIELDS}
    why = Evidence(str(level), "answers S7comm (1,204 responses to 2 clients)", "s7comm", 2.0, 0, 0)
    place = Level(level, 0.97, settled=True, evidence=(why,)) if level is not None else Level()
    return Asset(
        id=_id(name),
        name=name,
        addresses=(Address(f"02:00:00:{int(ip.split('.')[1]):02x}:00:{int(ip.split('.')[3]):02x}", ip, None, 0, 0),),
        fields=fields,
        kind=Field(kind, 0.9, (Evidence(kind, "CIP identity: device type 0x0e", "cip", 2.0, 0, 0),)),
        roles=(Role.ENGINEERING_WORKSTATION,) if kind is Kind.ENGINEERING_WORKSTATION else (),
        level=place,
        zone=zone,
        services=("s7comm",) if kind is Kind.PLC else (),
        outside=level == 5,
    )


def _parts():
    for unit in ("2", "3", "4"):
        yield replace(
            _device((f"GW-METERS unit {unit}", "10.20.1.15", Kind.UNKNOWN, 0, "intake", None, None, None, None, None)),
            id=f"{_id('GW-METERS')}/unit-{unit}",
            addresses=(),
            parent=_id("GW-METERS"),
            unit=unit,
        )


def _between(like: Dialogue, client: Asset, server: Asset) -> Dialogue:
    return Dialogue(like.row, Party(client.ips[0], client), Party(server.ips[0], server), like.operations)


def _violations(known: Knowledge):
    start = known.statistics.first
    for number, (rule, title, severity, source, target, protocol, intent, outcome) in enumerate(VIOLATIONS):
        a, b = known.assets[_id(source)], known.assets[_id(target)]
        spoken = tuple(key for key, row in known.dialogues.items() if (row.client.id, row.server.id) == (a.id, b.id))
        yield Violation(
            f"v{number}",
            rule,
            title,
            severity,
            a.id,
            b.id,
            a.ips[0],
            b.ips[0],
            a.zone,
            b.zone,
            a.level.value,
            b.level.value,
            0.97,
            0.97,
            protocol,
            intent,
            ("HR 40001-40010",),
            outcome,
            0.94,
            ((start + number * MINUTE, start + (number + 1) * MINUTE, 12),),
            conversations=spoken,
            message=f"{a.name} ({a.ips[0]}) asked {b.name} ({b.ips[0]}) to {intent or 'talk'}",
        )


def _alerts(known: Knowledge):
    start = known.statistics.first
    for number, (rule, title, engine, severity, source, target, protocol, techniques, outcome) in enumerate(ALERTS):
        a, b = known.assets[_id(source)], known.assets.get(_id(target))
        yield Alert(
            f"a{number}",
            rule,
            title,
            engine,
            severity,
            f"{a.name} did “{title}” to {b.name if b else '6 devices'}; the device's answer: {outcome}.",
            start + number * MINUTE,
            start + number * MINUTE + 20 * SECOND,
            number + 1,
            a.id,
            b.id if b else None,
            a.ips[0],
            b.ips[0] if b else None,
            protocol,
            techniques,
            outcome,
            0.95,
            ("S7comm function 0x29 Stop, 1 request, 1 accepted", "neither an engineering workstation nor in the cell"),
        )


def crowd(number: int) -> Knowledge:
    """A plant of `number` devices, in subnets of forty, without a site file."""
    known = plant()
    talks = list(known.dialogues.values())
    levels = (0, 1, 1, 1, 2, 2, 3, 4, 5)
    kinds = (Kind.IO, Kind.PLC, Kind.RTU, Kind.DRIVE, Kind.HMI, Kind.SCADA_SERVER, Kind.HISTORIAN, Kind.WORKSTATION, Kind.UNKNOWN)
    known.assets = {}
    for place in range(number):
        which = place % len(levels)
        ip = f"10.{levels[which]}.{place // 100}.{place % 100 + 1}"
        device = _device((ip, ip, kinds[which], levels[which], f"level {levels[which]}", None, None, None, None, None))
        known.assets[device.id] = device
    assets = list(known.assets.values())
    known.dialogues = {
        place: _between(talks[place % len(talks)], assets[place % number], assets[(place * 7 + 3) % number]) for place in range(2 * number)
    }
    known.violations, known.alerts, known.incidents = (), (), ()
    return known
