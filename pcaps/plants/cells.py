"""Three Rockwell cells, each behind its router; site operations and an office above."""

import zlib

from pcaps.plants import control as c
from pcaps.plants import office as o
from pcaps.plants.network import Plant, Station


def _cell(plant: Plant, number: int) -> tuple[Station, Station]:
    """A controller with I/O, two drives and an HMI; gives the controller and the HMI."""
    add, net = plant.station, f"10.10.{number}"
    logix = add(f"logix{number}", f"{net}.10", "rockwell", 1, "plc", "controller")
    rack = add(f"rack{number}", f"{net}.20", "rockwell", 0, "io", "io_device")
    drives = [add(f"drive{number}-{n}", f"{net}.{30 + n}", "rockwell", 0, "drive", "io_device") for n in (1, 2)]
    hmi = add(f"view{number}", f"{net}.50", "advantech", 2, "hmi", "hmi")
    told = {rack: c.identity(12, 108, "1794-AENT/B", 0x0051A000 + number)}
    told |= {drive: c.identity(2, 150, "PowerFlex 525 1P 120V", 0x0051B000 + n) for n, drive in enumerate(drives)}
    for nth, device in enumerate((rack, *drives)):
        cip = c.Cip()
        opened = [cip.register(), cip.identify(told[device]), cip.open(b"\x20\x04\x24\x67\x2c\x66\x2c\x65", 16)]
        plant.talk(logix, device, c.ENIP, opened if number < 3 else [], 5 + nth, 0.1, stays=True, midstream=number == 3)
        for count in range(130):
            pair = c.implicit((cip.to_target, cip.to_originator), 16, count + 1)
            plant.ask(logix, device, c.IMPLICIT, pair, 8 + nth + count * 9.0, source=c.IMPLICIT)
    tags = (f"Line{number}_Speed", f"Line{number}_Count", "Mixer.Temp", "Mixer.Level")
    view = c.Cip()
    reads = [*view.reads(tags, 60), view.write(f"Line{number}_Speed", 42.5), *(view.read(tag) for tag in tags * 10)]
    plant.talk(hmi, logix, c.ENIP, reads[2:] if number == 2 else reads, 3, 11, stays=True, midstream=number == 2)
    plant.frame(hmi, "0180c200000e", 0x88CC, o.lldp(hmi.mac, hmi.name, "Advantech TPC"), 30)
    return logix, hmi


def _logons(plant: Plant, domain: Station, members: list[Station]) -> None:
    """What Windows does in the morning; one engineer comes late."""
    for number, pc in enumerate(members):
        begin = (1000 if pc.name == "studio2" else 15) + number * 31.0
        plant.ask(pc, domain, 53, o.dns(f"dc.{o.DOMAIN}", domain.ip), begin)
        plant.talk(pc, domain, 88, o.kerberos(f"user{zlib.crc32(pc.name.encode()) % 90}"), begin + 1, 1)
        plant.talk(pc, domain, 445, o.smb(pc.name.upper(), "DC", "user"), begin + 2, 3)
        plant.ask(pc, domain, 123, o.ntp(), begin + 4, source=123)
        if pc.level != 4:
            plant.call(pc, pc.ip.rsplit(".", 1)[0] + ".255", (137, 137), o.nbns("WPAD"), begin + 5)


def _look_round(plant: Plant, stray: Station, targets: list[Station]) -> None:
    """A stray laptop scans site operations and the controllers."""
    for last in range(1, 40):
        plant.who_has(stray, f"10.20.0.{last}", 900 + last * 0.05)
    for number, target in enumerate(targets):
        for nth, port in enumerate((22, 80, 135, 443, 445, 502, 44818)):
            listens = (port == 44818 and target.kind == "plc") or (port == 445 and target.kind == "domain_controller")
            plant.knock(stray, target, port, 905 + number * 2 + nth * 0.2, "open" if listens else "refused")


def build() -> Plant:
    """Twenty minutes, mirrored in the cells and in site operations."""
    plant = Plant("cells", "three Rockwell cells behind routers, site operations with historian, office")
    for number in (1, 2, 3):
        plant.segment(f"10.10.{number}.0/24", 100 + number, "hirschmann")
    plant.segment("10.20.0.0/24", 200)
    plant.segment("10.40.0.0/24", 400, mirrored=False)
    add = plant.station
    historian = add("historian", "10.20.0.10", "vmware", 3, "historian", "historian", "database_server")
    scada = add("scada", "10.20.0.11", "vmware", 2, "scada_server", "master")
    domain = add("dc", "10.20.0.5", "vmware", 3, "domain_controller", "domain_controller", "name_server", "time_server")
    engineer = add("studio", "10.20.0.20", "dell", 2, "engineering_workstation", "engineering_workstation")
    late = add("studio2", "10.20.0.21", "lenovo", 2, "engineering_workstation", "engineering_workstation")
    offices = [add(f"pc{n}", f"10.40.0.{10 + n}", "hp", 4, "workstation") for n in range(4)]
    stray = add("stray", "10.20.0.99", "intel", None, "workstation", "scanner")
    web = add("web", "93.184.216.34", "cisco", 5, "server")
    cells = [_cell(plant, number) for number in (1, 2, 3)]
    for number, (logix, hmi) in enumerate(cells, 1):
        tags = (f"Line{number}_Speed", f"Line{number}_Count", "Batch.Number")
        plant.talk(scada, logix, c.ENIP, c.Cip().reads(tags, 70), 6 + number, 16, stays=True)
        plant.talk(historian, hmi, 4840, o.opcua(f"opc.tcp://{hmi.ip}:4840", 40), 12 + number, 27, stays=True)
        told = c.identity(14, 55, "1756-L61/B LOGIX5561", 0x006C0610 + number)
        plant.ask(engineer, logix, c.ENIP, c.list_identity(logix.ip, told), 200 + number)
        online = c.Cip()
        plant.talk(
            engineer,
            logix,
            c.ENIP,
            [online.register(), online.identify(told), online.open(), online.browse(), *(online.read(t) for t in tags)],
            210 + number * 9,
            1,
        )
    plant.talk(engineer, cells[0][0], c.ENIP, c.Cip().program(), 400, 2)
    plant.talk(late, cells[1][0], c.ENIP, c.Cip().program(), 1050, 2)
    plant.talk(historian, scada, 1433, o.database(50), 20, 21, stays=True)
    members = [historian, scada, engineer, late, *(hmi for _, hmi in cells), *offices]
    _logons(plant, domain, members)
    for number, pc in enumerate(offices):
        page = [o.http(historian.ip, "/reports/shift", o.BROWSER, "Microsoft-IIS/10.0")] * 3
        plant.talk(pc, historian, 80, page, 300 + number * 90, 20)
    plant.ask(domain, web, 123, o.ntp(), 77, source=123)
    _look_round(plant, stray, [historian, scada, domain, engineer, *(logix for logix, _ in cells)])
    return plant
