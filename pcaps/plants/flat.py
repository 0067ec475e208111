"""A flat network: everything in one subnet, as in many small works."""

from pcaps.plants import control as c
from pcaps.plants import office as o
from pcaps.plants.network import Plant, Station


def _logons(plant: Plant, domain: Station, members: list[Station]) -> None:
    """What Windows does in the morning; one computer comes late."""
    for number, pc in enumerate(members):
        begin = 10 + number * 37.0 + (900 if pc.name == "office5" else 0)
        plant.ask(pc, domain, 53, o.dns(f"dc1.{o.DOMAIN}", domain.ip), begin)
        plant.talk(pc, domain, 88, o.kerberos(f"user{number}"), begin + 1, 1)
        plant.talk(pc, domain, 389, o.ldap(), begin + 2, 1)
        plant.talk(pc, domain, 445, o.smb(pc.name.upper(), "DC1", f"user{number}"), begin + 3, 4)
        plant.ask(pc, domain, 123, o.ntp(), begin + 5, source=123)
        plant.call(pc, "192.168.10.255", (137, 137), o.nbns("WPAD"), begin + 6)


def _office(plant: Plant, offices: list[Station], domain: Station, web: Station, printer: Station) -> None:
    """Pages, printing, and chatter to everybody."""
    for number, pc in enumerate(offices):
        begin = 120 + number * 110.0 + (700 if number == 5 else 0)
        for visit in range(4):
            plant.ask(pc, domain, 53, o.dns("www.example.test", web.ip), begin + visit * 60)
            plant.talk(pc, web, 443, o.tls("www.example.test", 4), begin + visit * 60 + 1, 3)
        plant.talk(pc, printer, 9100, o.print_job(), begin + 30, 1)
        plant.call(pc, "239.255.255.250", (50_000 + number, 1900), o.ssdp(), begin + 7)
        plant.call(pc, "224.0.0.251", (5353, 5353), o.mdns("_ipp._tcp.local"), begin + 9)


def _look_round(plant: Plant, stray: Station, targets: list[Station]) -> None:
    """ARP for everybody, then ports."""
    for last in range(1, 60):
        plant.who_has(stray, f"192.168.10.{last}", 1300 + last * 0.05)
    serves = {("boiler", 102), ("mixer", 102), ("pumps", 502), ("meters", 502), ("dc1", 445), ("printer", 9100), ("camera", 80)}
    for number, (target, port) in enumerate(
        (target, port) for port in (21, 22, 23, 80, 102, 443, 445, 502, 3389, 9100, 44818) for target in targets
    ):
        plant.knock(stray, target, port, 1310 + number * 0.2, "open" if (target.name, port) in serves else "refused")


def build() -> Plant:
    """Half an hour of it."""
    plant = Plant("flat", "flat network: Siemens and Schneider controllers, office and scanner in one /24")
    plant.segment("192.168.10.0/24")
    add = plant.station
    router = add("router", "192.168.10.1", "cisco", None, "router", "router")
    boiler = add("boiler", "192.168.10.11", "siemens", 1, "plc", "controller")
    mixer = add("mixer", "192.168.10.12", "siemens", 1, "plc", "controller")
    pumps = add("pumps", "192.168.10.13", "schneider", 1, "plc", "controller")
    gateway = add("meters", "192.168.10.14", "moxa", 1, "gateway", "gateway")
    broken = add("broken", "192.168.10.15", "schneider", None, "plc", "controller")
    hmi = add("hmi", "192.168.10.31", "advantech", 2, "hmi", "hmi")
    scada = add("scada", "192.168.10.32", "dell", 2, "scada_server", "master")
    engineer = add("engineer", "192.168.10.33", "lenovo", 2, "engineering_workstation", "engineering_workstation")
    domain = add("dc1", "192.168.10.5", "vmware", 3, "domain_controller", "domain_controller", "name_server", "file_server")
    offices = [add(f"office{n}", f"192.168.10.{50 + n}", "hp" if n % 2 else "dell", 4, "workstation") for n in range(6)]
    printer = add("printer", "192.168.10.90", "brother", 4, "printer", "printer")
    camera = add("camera", "192.168.10.91", "axis", None, "camera")
    stray = add("stray", "192.168.10.77", "intel", None, "workstation", "scanner")
    web = add("web", "93.184.216.34", "cisco", 5, "server")
    # Operators: a connection for the whole time, the first ones since long ago.
    plant.talk(hmi, boiler, c.S7, [*c.s7_open(2, 2), *c.repeat([c.s7_read(10, 0, 20), c.s7_read(0, 0, 4, 0x81)], 120)], 3, 14, stays=True)
    plant.talk(hmi, mixer, c.S7, c.repeat([c.s7_read(1, 0, 32), c.s7_write(1, 40, b"\0\x2a")], 80), 4, 20, stays=True, midstream=True)
    polls = [c.modbus_read(1, 0, 10), c.modbus_read(1, 100, 4), c.modbus_read(1, 0, 16, 1)]
    plant.talk(scada, pumps, c.MODBUS, [*c.repeat(polls, 100), c.modbus_write(1, 20, 450), *c.repeat(polls, 30)], 2, 12, stays=True)
    units = [c.modbus_read(unit, 30, 6, 4) for unit in (1, 2, 3)]
    plant.talk(scada, gateway, c.MODBUS, c.repeat(units, 120), 5, 13, stays=True, midstream=True)
    plant.talk(scada, boiler, c.S7, [*c.s7_open(), *c.repeat([c.s7_read(20, 0, 40)], 60)], 9, 25, stays=True)
    for number in range(20):
        plant.knock(scada, broken, c.MODBUS, 20 + 80 * number, "silent")
    # The engineer: identifies, reads the program, changes a block.
    s315 = c.s7_identify("6ES7 315-2EH14-0AB0", "Boiler house", "CPU 315-2 PN/DP", "S C-X4U421302009")
    s1214 = c.s7_identify("6ES7 214-1AG40-0XB0", "Mixer", "CPU 1214C", "S V-L7B41122")
    plant.talk(engineer, boiler, c.S7, [*c.s7_open(2, 1), *s315, *c.s7_upload(), *c.s7_download()], 300, 2)
    plant.talk(engineer, mixer, c.S7, [*c.s7_open(1, 1), *s1214, *c.s7_upload(parts=2)], 420, 2)
    plant.talk(engineer, pumps, c.MODBUS, [c.modbus_identify(1, "Schneider Electric", "TM221CE24R", "1.6.2.0")], 500, 1)
    _logons(plant, domain, [*offices, hmi, scada, engineer])
    _office(plant, offices, domain, web, printer)
    plant.talk(offices[0], camera, 80, [o.http(camera.ip, "/view", o.BROWSER, "AxisServer/1.0")], 700, 1)
    plant.ask(offices[1], printer, 161, o.snmp("Brother HL-L6400DW", "PRN-1"), 710)
    # A stray laptop looks round late in the capture.
    targets = [boiler, mixer, pumps, gateway, hmi, scada, domain, printer, camera, router]
    _look_round(plant, stray, targets)
    plant.talk(stray, pumps, c.MODBUS, [c.modbus_identify(1, "Schneider Electric", "TM221CE24R", "1.6.2.0")], 1340, 1)
    plant.talk(stray, boiler, c.S7, [*c.s7_open(2, 1), *s315[:2]], 1345, 1)
    return plant
