"""The demonstration: a water works for a day, its polls thinned out, and an intrusion in the afternoon."""

from pcaps.plants import control as c
from pcaps.plants import office as o
from pcaps.plants.network import SECOND, START, Plant, Station

HOUR = 3600.0
DAY = 24 * HOUR
INTAKE_CPU = c.s7_identify("6ES7 315-2EH14-0AB0", "Intake", "CPU 315-2 PN/DP", "S C-X4U421302009")


def _stations(plant: Plant) -> dict[str, Station]:
    prefixes = ((1, 301), (2, 302), (3, 303), (20, 320), (30, 330), (35, 335))
    for third, vlan in prefixes:
        plant.segment(f"10.30.{third}.0/24", vlan, "hirschmann" if third < 10 else "cisco")
    plant.segment("10.60.0.0/24", 600)
    rows: tuple[tuple[str, str, str, float | None, str, tuple[str, ...]], ...] = (
        ("intake", "10.30.1.11", "siemens", 1, "plc", ("controller",)),
        ("screens", "10.30.1.12", "siemens", 1, "plc", ("controller",)),
        ("panel", "10.30.1.31", "siemens", 2, "hmi", ("hmi",)),
        ("filters", "10.30.2.11", "rockwell", 1, "plc", ("controller",)),
        ("rack", "10.30.2.20", "rockwell", 0, "io", ("io_device",)),
        ("blower", "10.30.2.21", "rockwell", 0, "drive", ("io_device",)),
        ("view", "10.30.2.31", "advantech", 2, "hmi", ("hmi",)),
        ("pumps", "10.30.3.11", "schneider", 1, "plc", ("controller",)),
        ("meters", "10.30.3.12", "moxa", 1, "gateway", ("gateway",)),
        ("reservoir", "10.30.3.40", "sel", 1, "rtu", ("controller",)),
        ("scada", "10.30.20.10", "dell", 2, "scada_server", ("master",)),
        ("eng", "10.30.20.20", "lenovo", 2, "engineering_workstation", ("engineering_workstation",)),
        ("op1", "10.30.20.31", "hp", 2, "hmi", ("hmi",)),
        ("otdc", "10.30.30.5", "vmware", 3, "domain_controller", ("domain_controller", "name_server", "time_server")),
        ("hist", "10.30.30.10", "vmware", 3, "historian", ("historian", "database_server")),
        ("jump", "10.30.35.10", "vmware", 3.5, "jump_host", ("jump_host",)),
        ("replica", "10.30.35.11", "vmware", 3.5, "historian", ("historian", "database_server")),
        ("patches", "10.30.35.12", "vmware", 3.5, "server", ("update_server",)),
        ("itdc", "10.60.0.5", "vmware", 4, "domain_controller", ("domain_controller", "name_server")),
        ("pc1", "10.60.0.11", "hp", 4, "workstation", ()),
        ("pc2", "10.60.0.12", "dell", 4, "workstation", ()),
        ("pc3", "10.60.0.13", "hp", 4, "workstation", ()),
        ("web", "93.184.216.34", "cisco", 5, "server", ()),
        ("vendor", "199.43.135.53", "cisco", 5, "workstation", ()),
        ("laptop", "10.30.1.99", "intel", None, "workstation", ("scanner",)),
    )
    return {row[0]: plant.station(*row[:5], *row[5]) for row in rows}


def _process(plant: Plant, at: dict[str, Station]) -> None:
    """Who reads and commands what, every ten minutes or so."""
    polls = 110
    every = DAY / polls - 5
    hmi = [*c.s7_open(2, 2), *c.repeat([c.s7_read(10, 0, 20), c.s7_read(0, 0, 4, 0x81)], polls - 3)]
    plant.talk(at["panel"], at["intake"], c.S7, hmi, 4, every, stays=True)
    plant.talk(at["panel"], at["screens"], c.S7, c.repeat([c.s7_read(4, 0, 8)], polls), 30, every, stays=True, midstream=True)
    for number, name in enumerate(("intake", "screens")):
        plant.talk(
            at["scada"], at[name], c.S7, [*c.s7_open(), *c.repeat([c.s7_read(100, 0, 40)], polls - 3)], 9 + number, every, stays=True
        )
    view = [*c.Cip().reads(("Filter1.Level", "Filter1.Turbidity", "Blower.Speed"), polls - 3)]
    plant.talk(at["view"], at["filters"], c.ENIP, view, 3, every, stays=True)
    plant.talk(at["scada"], at["filters"], c.ENIP, c.Cip().reads(("Filter1.Level", "Backwash.Count"), polls - 3), 15, every, stays=True)
    told = {"rack": c.identity(12, 108, "1794-AENT/B", 0x0051A001), "blower": c.identity(2, 150, "PowerFlex 525 1P 120V", 0x0051B001)}
    for number, (name, text) in enumerate(told.items()):
        cip = c.Cip()
        opened = [cip.register(), cip.identify(text), cip.open(b"\x20\x04\x24\x67\x2c\x66\x2c\x65", 16)]
        plant.talk(at["filters"], at[name], c.ENIP, opened, 20 + number, 0.1, stays=True)
        for count in range(140):
            pair = c.implicit((cip.to_target, cip.to_originator), 16, count + 1)
            plant.ask(at["filters"], at[name], c.IMPLICIT, pair, 25 + number + count * 600, source=c.IMPLICIT)
    reads = [c.modbus_read(1, 0, 10), c.modbus_read(1, 100, 4)]
    writes = [*c.repeat(reads, 50), c.modbus_write(1, 20, 450), *c.repeat(reads, 50)]
    plant.talk(at["scada"], at["pumps"], c.MODBUS, writes, 12, every, stays=True)
    plant.talk(
        at["scada"], at["meters"], c.MODBUS, c.repeat([c.modbus_read(unit, 30, 6, 4) for unit in (1, 2, 3)], polls), 13, every, stays=True
    )
    link = c.Outstation(1, 40)
    plant.talk(at["scada"], at["reservoir"], c.DNP3, [*link.poll(50), *link.control(2), *link.poll(50)], 17, every, stays=True)
    plant.talk(at["op1"], at["scada"], 4840, o.opcua(f"opc.tcp://{at['scada'].ip}:4840", 90), 40, 900, stays=True)


def _operations(plant: Plant, at: dict[str, Station]) -> None:
    """Historians, the engineer in the morning, the jump host, logons, the office."""
    plant.talk(at["hist"], at["scada"], 4840, o.opcua(f"opc.tcp://{at['scada'].ip}:4840", 100), 50, 850, stays=True)
    plant.talk(at["hist"], at["replica"], 1433, o.database(60), 60, 1300, stays=True)
    plant.talk(at["eng"], at["intake"], c.S7, [*c.s7_open(2, 1), *INTAKE_CPU, c.s7_read(10, 0, 20)], 9.2 * HOUR, 3)
    cip = c.Cip()
    online = [cip.register(), cip.identify(c.identity(14, 55, "1756-L61/B LOGIX5561", 0x006C061A)), cip.open(), cip.browse()]
    plant.talk(at["eng"], at["filters"], c.ENIP, online, 9.4 * HOUR, 3)
    for when in (2.0, 14.0):
        plant.talk(at["patches"], at["web"], 443, o.tls("update.example.test", 5), when * HOUR, 10)
    for number, name in enumerate(("otdc", "hist", "scada", "eng")):
        plant.talk(at[name], at["patches"], 8530, [o.updates("patches")], 3 * HOUR + number * 300, 5)
    plant.talk(at["pc2"], at["jump"], 3389, o.rdp("keeper", "jump", 20), 10 * HOUR, 20)
    plant.talk(at["jump"], at["eng"], 3389, o.rdp("keeper", "eng", 20), 10.02 * HOUR, 18)
    plant.talk(at["vendor"], at["jump"], 443, o.tls("access.works.test", 20), 11 * HOUR, 20)
    members = {"itdc": ("pc1", "pc2", "pc3"), "otdc": ("scada", "eng", "op1", "hist", "view")}
    for name, group in members.items():
        for number, member in enumerate(group):
            for turn, when in enumerate((6.5, 12.9)):
                begin, pc, domain = when * HOUR + number * 200, at[member], at[name]
                plant.ask(pc, domain, 53, o.dns(f"{name}.{o.DOMAIN}", domain.ip), begin)
                plant.talk(pc, domain, 88, o.kerberos(f"user{number}"), begin + 1, 1)
                plant.talk(pc, domain, 445, o.smb(member.upper(), name.upper(), f"user{number}"), begin + 3, 3)
                plant.ask(pc, domain, 123, o.ntp(), begin + 5 + turn, source=123)
    for number in range(24):
        pc = at[f"pc{number % 3 + 1}"]
        begin = 7 * HOUR + number * 1400
        plant.ask(pc, at["itdc"], 53, o.dns("www.example.test", at["web"].ip), begin)
        plant.talk(pc, at["web"], 443, o.tls("www.example.test", 3), begin + 1, 5)
        if number % 4 == 0:
            plant.talk(pc, at["replica"], 443, o.tls("replica.works.test", 4), begin + 60, 10)
        plant.call(pc, "10.60.0.255", (137, 137), o.nbns("FILES"), begin + 3)


def _intrusion(plant: Plant, at: dict[str, Station]) -> None:
    """The afternoon: a vendor's laptop, then somebody in the office."""
    laptop, intake, filters, pumps, office = (at[name] for name in ("laptop", "intake", "filters", "pumps", "pc3"))
    begin = 13.7 * HOUR
    plant.call(laptop, "10.30.1.255", (137, 137), o.nbns("SERVICE-NB"), begin)
    plant.tell(begin, laptop, None, "a vendor's laptop appears in the intake cell", "T0864")
    scan = 14.1 * HOUR
    for last in range(1, 120):
        plant.who_has(laptop, f"10.30.1.{last}", scan + last * 0.03)
    plant.tell(scan, laptop, None, "looks for neighbours: ARP for every address of the cell", "T0846")
    ports = scan + 60
    targets = [at[name] for name in ("intake", "screens", "panel", "filters", "pumps", "meters", "reservoir")]
    serves = {("intake", 102), ("screens", 102), ("filters", 44818), ("pumps", 502), ("meters", 502), ("reservoir", 20000)}
    for number, (target, port) in enumerate((target, port) for target in targets for port in (102, 502, 44818, 20000)):
        plant.knock(laptop, target, port, ports + number * 0.3, "open" if (target.name, port) in serves else "refused")
    plant.tell(ports, laptop, None, "tries the ports of controllers in three cells", "T0846")
    look = 14.25 * HOUR
    plant.talk(laptop, intake, c.S7, [*c.s7_open(2, 1), *INTAKE_CPU], look, 1)
    plant.tell(look, laptop, intake, "reads the identity of the Siemens CPU (status lists)", "T0888")
    plant.ask(laptop, filters, c.ENIP, c.list_identity(filters.ip, c.identity(14, 55, "1756-L61/B LOGIX5561", 0x006C061A)), look + 60)
    plant.tell(look + 60, laptop, filters, "asks the Rockwell controller for its identity (ListIdentity)", "T0888")
    plant.talk(laptop, pumps, c.MODBUS, [c.modbus_identify(1, "Schneider Electric", "BMX P34 2020", "v2.60")], look + 120, 1)
    plant.tell(look + 120, laptop, pumps, "asks the Schneider controller for its identification (43/14)", "T0888")
    upload = 14.5 * HOUR
    plant.talk(laptop, intake, c.S7, [*c.s7_open(2, 1), *c.s7_upload(parts=12)], upload, 1)
    plant.tell(upload, laptop, intake, "uploads block OB1 of the program", "T0845")
    write = 15.2 * HOUR
    plant.talk(office, pumps, c.MODBUS, [c.modbus_read(1, 0, 40), *(c.modbus_write(1, 20 + n, 0) for n in range(4))], write, 6)
    plant.tell(write, office, pumps, "an office computer writes setpoints of the pumps; accepted", "T0836")
    stop = 15.55 * HOUR
    plant.talk(laptop, intake, c.S7, [*c.s7_open(2, 1), c.s7_stop()], stop, 2)
    plant.tell(stop + 4, laptop, intake, "stops the CPU; accepted", "T0858")
    plant.talk(at["eng"], intake, c.S7, [*c.s7_open(2, 1), INTAKE_CPU[2], c.s7_start()], 16.1 * HOUR, 3)


def build() -> Plant:
    """The day."""
    plant = Plant(
        "water", "water works: Siemens, Rockwell, Schneider and a DNP3 outstation, levels 0 to 5", START - round(8 * HOUR) * SECOND
    )
    at = _stations(plant)
    _process(plant, at)
    _operations(plant, at)
    _intrusion(plant, at)
    return plant
