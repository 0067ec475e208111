"""Events to write out: the published example, hostile ones, and those of the plants."""

from functools import cache
from pathlib import Path

from hypothesis import strategies as some

from sensor.capture import open_capture
from sensor.detections.model import Severity
from sensor.events import CATEGORIES, Change, End, Event, Kind, Sensor
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.telling import events_of

PLANTS = sorted((Path(__file__).parents[2] / "pcaps" / "plants").glob("*.pcap"))
MILLISECOND = 1_000_000

EXAMPLE = Event(
    id="7f1c2f0e-3b5a-4e0e-9d59-5a2f0c1d8e11",
    kind=Kind.ALERT,
    type="ot.plc.program_download",
    title="Unauthorized PLC Programming",
    severity=Severity.HIGH,
    category="Policy Violation",
    change=Change.RAISED,
    at=1795470000512 * MILLISECOND,
    first=1795469998101 * MILLISECOND,
    last=1795469999940 * MILLISECOND,
    count=12,
    message=r"Block OB1 (mode=RUN) written to plc-line2 by eng-ws-07, path C:\Projects\Line2",
    reason="source is not an engineering station for this zone",
    source=End(ip="10.20.3.15", mac="00:1b:1b:3c:4d:5e", port=49213, hostname="eng-ws-07", zone="L3-Operations"),
    target=End(ip="10.20.1.7", mac="28:63:36:a1:b2:c3", port=102, hostname="plc-line2", zone="L1-Line2"),
    protocol="s7comm",
    transport="tcp",
    vlan=120,
    operation="Download block",
    object="OB1",
    outcome="accepted",
    techniques=("T0843",),
    confidence=0.95,
)
SENSOR = Sensor(
    id="sns-4b7e21",
    name="ot-sensor-01",
    domain="plant-a.example.net",
    version="0.1.0",
    site="plant-a",
    address="10.20.0.5",
    interface="enp3s0",
    console="https://ot-sensor-01.plant-a.example.net",
)
HEARTBEAT = Event(
    id="0b6a6c1e-0d62-5d0e-8f43-3c3f1d2e9a77",
    kind=Kind.HEALTH,
    type="ot.sensor.heartbeat",
    title="Sensor Heartbeat",
    severity=Severity.INFO,
    category="Health",
    change=Change.REPORTED,
    at=EXAMPLE.at,
    first=EXAMPLE.first,
    last=EXAMPLE.last,
    message="Otoscope is running: 1,204 packets since the last heartbeat",
    details={"packets": 1204, "octets": 98211, "lost_segments": 0},
)
ASSET = Event(
    id="c1f6a9d0b7e24f3a8d55",
    kind=Kind.ASSET,
    type="ot.asset.changed",
    title="Asset changed",
    severity=Severity.INFO,
    category="Inventory",
    change=Change.CHANGED,
    at=EXAMPLE.at,
    first=EXAMPLE.first,
    last=EXAMPLE.last,
    message="Line 2 PLC: firmware: V2.7 → V2.8",
    source=End(ip="10.20.1.7", mac="28:63:36:a1:b2:c3", asset="a-17", name="Line 2 PLC", type="plc", zone="L1-Line2", level=1.0),
    details={
        "vendor": "Siemens",
        "model": "S7-1500",
        "firmware": "V2.8",
        "serial": "S C-X4U421302009",
        "roles": ["controller"],
        "level_confidence": 0.93,
        "services": ["s7comm"],
        "changes": {"firmware": ["V2.7", "V2.8"]},
    },
)
INCIDENT = Event(
    id="5d1c8f3e7a9b40c2b6d1",
    kind=Kind.INCIDENT,
    type="ot.incident",
    title="Incident of several alerts",
    severity=Severity.HIGH,
    category="Incident",
    change=Change.RAISED,
    at=EXAMPLE.at,
    first=EXAMPLE.first,
    last=EXAMPLE.last,
    count=2,
    message="eng-ws-07 programmed and stopped plc-line2",
    source=End(
        ip="10.20.3.15",
        hostname="eng-ws-07",
        asset="a-4",
        name="eng-ws-07",
        type="engineering_workstation",
        zone="L3-Operations",
        level=3.0,
    ),
    details={"alerts": [EXAMPLE.id, "2b7d0a51-94c3-4f06-8a7e-6d1f5b0c9e32"], "actor": "a-4"},
)

HOSTILE = [
    " src=192.0.2.66",
    "\\",
    "\\=",
    "|",
    "=",
    ";",
    ",",
    "^",
    "\t",
    "\r\n<165>Nov 23 21:40:00 evil CEF:0|X|Y|1|z|z|10|",
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\u200b",
    "\u2028",
    "\x85",
    "\ufeff",
    "\ud800",
    "🔥",
    "ß",
    "\U000e0041",
    "e\u0301",
    '"',
    "'",
    "{",
    "}",
    "#011",
    "%s",
    "$(x)",
    "<!--",
    "https://x.example/?a=b&c=d",
    "OtoscopeSensorChange=closed",
    "devTime=1",
    "CEF:0|",
    "LEEF:2.0|",
    " ",
    "  ",
    "x0a",
]
texts = some.one_of(
    some.text(max_size=40),
    some.lists(some.one_of(some.sampled_from(HOSTILE), some.text(some.characters(), max_size=8)), max_size=8).map("".join),
    some.tuples(some.sampled_from([*HOSTILE, "a", "a b "]), some.integers(1, 5000)).map(lambda pair: (pair[0] * pair[1])[:5000]),
)
maybe = some.one_of(some.none(), texts)
addresses = some.one_of(
    some.none(),
    some.ip_addresses(v=4).map(str),
    some.ip_addresses(v=6).map(str),
    some.just("fe80::1%a=b c"),
    some.just("::ffff:1.2.3.4"),
    texts,
)
macs = some.one_of(some.none(), some.just("00:1b:1b:3c:4d:5e"), texts)
times = some.integers(-(2**70), 2**70) | some.integers(0, 2**62)
ends = some.builds(
    End,
    ip=addresses,
    mac=macs,
    port=some.none() | some.integers(-1, 70000),
    hostname=maybe,
    asset=maybe,
    name=maybe,
    type=maybe,
    zone=maybe,
    level=some.none() | some.sampled_from([0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0]),
)
plain_values = some.one_of(some.none(), texts, some.integers(0, 2**63), some.floats(0, 1), some.booleans(), some.lists(texts, max_size=5))
details = some.dictionaries(
    some.sampled_from(["vendor", "model", "firmware", "serial", "roles", "services", "packets", "lost_segments", "waiting", "ips", "name"])
    | texts.filter(lambda name: name.isprintable()),
    plain_values,
    max_size=8,
).flatmap(
    lambda known: some.fixed_dictionaries(
        {key: some.just(value) for key, value in known.items()},
        optional={
            "alerts": some.lists(texts, max_size=30),
            "changes": some.dictionaries(texts, some.tuples(plain_values, plain_values).map(list), max_size=4),
            "level_confidence": some.floats(0, 1),
        },
    )
)
hostile_events = some.builds(
    Event,
    id=texts,
    kind=some.sampled_from(Kind),
    type=texts,
    title=texts,
    severity=some.sampled_from(Severity),
    category=some.sampled_from(CATEGORIES) | texts,
    change=some.sampled_from(Change),
    at=times,
    first=times,
    last=times,
    count=some.integers(0, 2**40),
    message=texts,
    reason=texts,
    source=ends,
    target=ends,
    protocol=maybe,
    transport=maybe,
    vlan=some.none() | some.integers(0, 4095),
    operation=maybe,
    object=maybe,
    function=some.none() | some.integers(0, 2**32),
    outcome=some.sampled_from(["attempted", "accepted", "rejected", "none"]) | texts,
    status=some.sampled_from(["open", "learned", "muted", "closed"]) | texts,
    techniques=some.lists(texts, max_size=4).map(tuple),
    confidence=some.floats(0, 1),
    evidence=some.lists(texts, max_size=4).map(tuple),
    details=details,
)
hostile_sensors = some.builds(
    Sensor, id=texts, name=texts, version=texts, site=texts, domain=texts, address=addresses, interface=maybe, console=maybe
)

LONG = "=\\🔥 | " * 20_000
LONGEST = Event(
    **dict.fromkeys(
        ("id", "type", "title", "category", "message", "reason", "protocol", "transport", "operation", "object", "status"), LONG
    ),
    kind=Kind.ASSET,
    severity=Severity.CRITICAL,
    change=Change.CHANGED,
    at=2**70,
    first=2**70,
    last=2**70,
    count=2**70,
    source=End(
        ip="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        mac="ff:ff:ff:ff:ff:ff",
        port=65535,
        hostname=LONG,
        asset=LONG,
        name=LONG + "x",
        type=LONG,
        zone=LONG,
        level=3.5,
    ),
    target=End(
        ip="ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
        mac="ff:ff:ff:ff:ff:fe",
        port=65535,
        hostname=LONG,
        asset=LONG,
        name=LONG + "x",
        type=LONG,
        zone=LONG,
        level=3.5,
    ),
    vlan=4095,
    function=2**32,
    techniques=(LONG,) * 9,
    evidence=(LONG,) * 9,
    details={
        **dict.fromkeys(("vendor", "model", "firmware", "serial", "roles"), LONG),
        "services": [LONG] * 9,
        "changes": {LONG: [LONG, LONG]},
    },
)
"""Too long in every field at once."""
LOUD = Sensor(id=LONG, name=LONG, version=LONG, site=LONG, domain=LONG, address="::1", interface=LONG, console="https://" + LONG)


@cache
def plant_events(path: Path) -> tuple[Event, ...]:
    """All that one capture of a plant gives: its alerts, incidents and assets."""
    with open_capture(path) as capture:
        known = conclude(observe(capture))
    return (*events_of(known, EXAMPLE.at), HEARTBEAT)
