"""A substation: IEDs with GOOSE, a concentrator that is outstation to the control centre and master to the IEDs."""

from pcaps.plants import control as c
from pcaps.plants import office as o
from pcaps.plants.network import Plant, Station


def _goose(plant: Plant, relays: list[Station]) -> None:
    """Every relay tells its states to all the time; a breaker opens for a moment."""
    for number in range(300):
        relay = relays[number % 4]
        state = 400 < number * 4 < 420
        plant.frame(
            relay,
            f"010ccd01000{number % 4}",
            0x88B8,
            c.goose(relay.name.upper(), number % 4 + 1, number // 4, (state, False)),
            1 + number * 4.0,
        )


def _logons(plant: Plant, domain: Station, members: list[Station]) -> None:
    """What Windows does in the morning."""
    for number, pc in enumerate(members):
        plant.ask(pc, domain, 53, o.dns(f"emsdc.{o.DOMAIN}", domain.ip), 60 + number * 13)
        plant.talk(pc, domain, 88, o.kerberos(f"user{number}"), 61 + number * 13, 1)
        plant.talk(pc, domain, 445, o.smb(pc.name.upper(), "EMSDC", f"user{number}"), 62 + number * 13, 3)
        plant.call(pc, pc.ip.rsplit(".", 1)[0] + ".255", (137, 137), o.nbns("WPAD"), 65 + number * 13)


def _look_round(plant: Plant, stray: Station, targets: list[Station]) -> None:
    """A stray laptop scans the station."""
    for last in range(1, 45):
        plant.who_has(stray, f"10.80.1.{last}", 1000 + last * 0.05)
    for number, target in enumerate(targets):
        for nth, port in enumerate((22, 23, 80, 102, 502, 20000)):
            listens = port == 20000 and target.kind != "hmi"
            plant.knock(stray, target, port, 1005 + number * 2 + nth * 0.2, "open" if listens else "refused")


def build() -> Plant:
    """Twenty minutes, mirrored in the station and in the control centre."""
    plant = Plant("substation", "substation with DNP3 and GOOSE, concentrator, control centre across a routed hop")
    plant.segment("10.80.1.0/24", 81)
    plant.segment("10.80.100.0/24", 180)
    add = plant.station
    makers = ("sel", "sel", "abb", "ge", "sel")
    relays = [add(f"bay{n}", f"10.80.1.{10 + n}", maker, 1, "ied", "controller") for n, maker in enumerate(makers, 1)]
    silent = add("bay6", "10.80.1.16", "ge", None, "ied", "controller")
    concentrator = add("rtac", "10.80.1.5", "sel", 1, "gateway", "gateway", "master")
    pole = add("feeder", "10.80.1.40", "sel", 1, "rtu", "controller")
    clock = add("clock", "10.80.1.2", "moxa", None, "server", "time_server")
    switch = add("switch", "10.80.1.3", "hirschmann", None, "switch", "switch")
    panel = add("panel", "10.80.1.30", "advantech", 2, "hmi", "hmi")
    engineer = add("relaypc", "10.80.1.31", "lenovo", 2, "engineering_workstation", "engineering_workstation")
    master = add("ems1", "10.80.100.10", "hp", 2, "scada_server", "master")
    historian = add("emshist", "10.80.100.12", "vmware", 3, "historian", "historian", "database_server")
    domain = add("emsdc", "10.80.100.5", "vmware", 3, "domain_controller", "domain_controller", "name_server")
    desks = [add(f"desk{n}", f"10.80.100.{20 + n}", "hp", 2, "hmi", "hmi") for n in (1, 2)]
    outside = add("ntp.test", "192.5.41.40", "cisco", 5, "server")
    stray = add("stray", "10.80.1.200", "intel", None, "workstation", "scanner")
    for number, relay in enumerate(relays, 1):
        link = c.Outstation(10, 100 + number)
        plant.talk(concentrator, relay, c.DNP3, link.poll(70), 2 + number, 15, stays=True, midstream=number == 2)
    for number in range(15):
        plant.knock(concentrator, silent, c.DNP3, 30 + 70 * number, "silent")
    link = c.Outstation(1, 5)
    exchanges = [*link.poll(40), *link.control(3), *link.poll(30), link.time(1_795_421_000_000)]
    plant.talk(master, concentrator, c.DNP3, exchanges, 10, 15, stays=True)
    link = c.Outstation(1, 40)
    plant.talk(master, pole, c.DNP3, [*link.poll(30), *link.control(1, 0x81), *link.poll(20)], 14, 20, stays=True)
    plant.talk(panel, concentrator, c.DNP3, c.Outstation(20, 5).poll(50), 8, 20, stays=True)
    _goose(plant, relays)
    for number, relay in enumerate([*relays, silent, concentrator, panel, engineer, pole]):
        for turn in range(3):
            plant.ask(relay, clock, 123, o.ntp(), 40 + number * 7 + turn * 300, source=123)
    plant.ask(clock, outside, 123, o.ntp(), 55, source=123)
    for number, relay in enumerate((relays[0], relays[2], concentrator)):
        plant.talk(engineer, relay, 22, o.ssh("SSH-2.0-PuTTY_Release_0.81", "SSH-2.0-OpenSSH_8.4", 12), 300 + number * 90, 4)
    for number in range(20):
        plant.frame(switch, "0180c200000e", 0x88CC, o.lldp(switch.mac, "RSP35", "Hirschmann RSP - SW: 09.0.00"), 5 + number * 30)
    for number in range(6):
        plant.ask(historian, switch, 161, o.snmp("Hirschmann RSP", "RSP35"), 100 + number * 180)
    plant.talk(historian, master, 1433, o.database(40), 20, 25, stays=True)
    for number, desk in enumerate(desks):
        plant.talk(desk, master, 443, o.tls("ems1.works.test", 40), 25 + number * 8, 25, stays=True)
    _logons(plant, domain, [master, historian, *desks, panel, engineer])
    _look_round(plant, stray, [*relays, concentrator, pole, panel])
    return plant
