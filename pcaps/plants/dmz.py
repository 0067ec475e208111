"""A plant with a DMZ: nobody passes from the office to the plant but by the jump host, the historian's replica and the patch server."""

from pcaps.plants import control as c
from pcaps.plants import office as o
from pcaps.plants.network import Plant, Station


def _logons(plant: Plant, domain: Station, members: list[Station], begin: float) -> None:
    for number, pc in enumerate(members):
        when = begin + number * 23.0
        plant.ask(pc, domain, 53, o.dns(f"{domain.name}.{o.DOMAIN}", domain.ip), when)
        plant.talk(pc, domain, 88, o.kerberos(f"user{number}"), when + 1, 1)
        plant.talk(pc, domain, 389, o.ldap(), when + 2, 1)
        plant.talk(pc, domain, 445, o.smb(pc.name.upper(), domain.name.upper(), f"user{number}"), when + 3, 2)
        plant.ask(pc, domain, 123, o.ntp(), when + 5, source=123)


def _control(plant: Plant) -> list[Station]:
    """Controllers, and who operates them; gives the Windows machines of level 2."""
    add = plant.station
    reactor = add("reactor", "172.16.10.11", "siemens", 1, "plc", "controller")
    furnace = add("furnace", "172.16.10.12", "siemens", 1, "plc", "controller")
    water = add("water", "172.16.10.13", "schneider", 1, "plc", "controller")
    valves = add("valves", "172.16.10.14", "moxa", 0, "io", "io_device")
    panel = add("panel", "172.16.10.31", "siemens", 2, "hmi", "hmi")
    scada = add("scada1", "172.16.20.10", "dell", 2, "scada_server", "master")
    station = add("eng1", "172.16.20.20", "lenovo", 2, "engineering_workstation", "engineering_workstation")
    client = add("op1", "172.16.20.31", "hp", 2, "hmi", "hmi")
    plant.talk(panel, reactor, c.S7, [*c.s7_open(2, 2), *c.repeat([c.s7_read(5, 0, 12), c.s7_read(5, 20, 8)], 90)], 2, 12, stays=True)
    for number, plc in enumerate((reactor, furnace)):
        reads = c.repeat([c.s7_read(100, 0, 60), c.s7_read(101, 0, 20)], 90)
        plant.talk(scada, plc, c.S7, [*c.s7_open(), *reads, c.s7_write(100, 4, b"\0\x50")], 4 + number, 12, stays=True)
    plant.talk(
        scada, water, c.MODBUS, c.repeat([c.modbus_read(255, 400, 12), c.modbus_write(255, 500, 7)], 100), 6, 11, stays=True, midstream=True
    )
    plant.talk(water, valves, c.MODBUS, c.repeat([c.modbus_read(1, 0, 8, 2), c.modbus_read(1, 0, 4, 4)], 120), 3, 9, stays=True)
    plant.talk(client, scada, 4840, o.opcua(f"opc.tcp://{scada.ip}:4840", 50), 9, 20, stays=True)
    told = c.s7_identify("6ES7 515-2AM01-0AB0", "Furnace", "CPU 1515-2 PN", "S C-J1B80233")
    plant.talk(station, furnace, c.S7, [*c.s7_open(1, 1), *told, *c.s7_upload(), *c.s7_download()], 500, 2)
    return [scada, station, client]


def _office(plant: Plant, corporate: Station, offices: list[Station], serving: tuple[Station, Station]) -> None:
    """Logons, pages, printing, and chatter to everybody."""
    web, printer = serving
    _logons(plant, corporate, offices, 15)
    for number, pc in enumerate(offices):
        for visit in range(3):
            begin = 60 + number * 31 + visit * 330.0
            plant.ask(pc, corporate, 53, o.dns("www.example.test", web.ip), begin)
            plant.talk(pc, web, 443, o.tls("www.example.test", 3), begin + 1, 4)
        plant.talk(pc, printer, 9100, o.print_job(), 300 + number * 17, 1)
        plant.call(pc, "10.50.255.255", (137, 137), o.nbns("FILES"), 70 + number * 11)
        plant.call(pc, "239.255.255.250", (51_000, 1900), o.ssdp(), 71 + number * 11)


def build() -> Plant:
    """Twenty minutes, mirrored everywhere."""
    plant = Plant("dmz", "levels 1 to 4 with a DMZ: jump host, historian replica, patch server; a vendor by VPN")
    for number, (prefix, vlan) in enumerate(
        (("172.16.10.0/24", 10), ("172.16.20.0/24", 20), ("172.16.30.0/24", 30), ("172.16.35.0/24", 35))
    ):
        plant.segment(prefix, vlan, "cisco" if number > 1 else "hirschmann")
    plant.segment("10.50.0.0/16", 50)
    add = plant.station
    supervision = _control(plant)
    scada, station, _ = supervision
    historian = add("hist1", "172.16.30.10", "vmware", 3, "historian", "historian", "database_server")
    domain = add("otdc", "172.16.30.5", "vmware", 3, "domain_controller", "domain_controller", "name_server", "time_server")
    updates = add("otwsus", "172.16.30.8", "vmware", 3, "server", "update_server")
    jump = add("jump", "172.16.35.10", "vmware", 3.5, "jump_host", "jump_host")
    replica = add("replica", "172.16.35.11", "vmware", 3.5, "historian", "historian", "database_server")
    patches = add("patches", "172.16.35.12", "vmware", 3.5, "server", "update_server")
    corporate = add("itdc", "10.50.0.5", "vmware", 4, "domain_controller", "domain_controller", "name_server")
    offices = [add(f"pc{n}", f"10.50.1.{10 + n}", "hp" if n % 2 else "dell", 4, "workstation") for n in range(6)]
    printer = add("copier", "10.50.1.90", "brother", 4, "printer", "printer")
    web = add("web", "93.184.216.34", "cisco", 5, "server")
    source = add("windowsupdate", "20.72.205.209", "cisco", 5, "server")
    vendor = add("vendor", "199.43.135.53", "cisco", 5, "workstation")
    # The plant's own servers.
    plant.talk(historian, scada, 4840, o.opcua(f"opc.tcp://{scada.ip}:4840", 60), 11, 18, stays=True)
    _logons(plant, domain, [*supervision, historian, updates], 20)
    for number, pc in enumerate([*supervision, historian]):
        plant.talk(pc, updates, 8530, [o.updates("otwsus")] * 2, 140 + number * 40, 5)
    # Through the DMZ.
    plant.talk(historian, replica, 1433, o.database(50), 30, 22, stays=True)
    plant.talk(updates, patches, 8531, o.tls("patches.works.test", 10), 200, 15)
    plant.talk(patches, source, 443, o.tls("update.example.test", 10), 260, 10)
    for number, pc in enumerate(offices[:3]):
        plant.talk(pc, replica, 443, o.tls("replica.works.test", 8), 100 + number * 120, 20)
    plant.talk(offices[4], jump, 3389, o.rdp("admin.plant", "jump", 40), 400, 8)
    plant.talk(jump, station, 3389, o.rdp("engineer", "eng1", 30), 430, 8)
    plant.talk(jump, historian, 3389, o.rdp("admin.plant", "hist1", 10), 620, 8)
    for number in range(40):
        plant.ask(vendor, jump, 4500, (o.tunnel(number), o.tunnel(number)), 700 + number * 9, source=4500)
    plant.talk(vendor, jump, 3389, o.rdp("vendor1", "jump", 20), 720, 12)
    plant.talk(jump, scada, 3389, o.rdp("vendor1", "scada1", 20), 740, 12)
    # The office.
    _office(plant, corporate, offices, (web, printer))
    late = add("laptop", "10.50.1.200", "intel", 4, "workstation")
    _logons(plant, corporate, [late], 1000)
    plant.talk(late, web, 443, o.tls("www.example.test", 5), 1020, 5)
    for number, target in enumerate((replica, patches, jump)):  # the firewall lets nothing else through
        plant.knock(offices[5], target, 445, 800 + number * 5, "silent")
    return plant
