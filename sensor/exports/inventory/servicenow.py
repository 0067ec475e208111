"""An import set for the CMDB of ServiceNow: columns by the names of the fields of `cmdb_ci_ot`, its parents, and `cmdb_ot_entity`."""

from collections.abc import Iterable, Iterator

from sensor.exports.forms._text import percent
from sensor.exports.inventory.cells import date_and_time, line
from sensor.exports.inventory.model import Inventory, Line, Row
from sensor.inventory.model import Kind

CLASSES = {
    Kind.PLC: "cmdb_ci_ot_plc",
    Kind.RTU: "cmdb_ci_ot_rtu",
    Kind.IED: "cmdb_ci_ot_ied",
    Kind.IO: "cmdb_ci_ot_control",
    Kind.DRIVE: "cmdb_ci_ot_industrial_drive",
    Kind.HMI: "cmdb_ci_ot_hmi",
    Kind.SCADA_SERVER: "cmdb_ci_ot_scada_server",
    Kind.HISTORIAN: "cmdb_ci_ot_historian",
    Kind.ENGINEERING_WORKSTATION: "cmdb_ci_ot_ews",
    Kind.GATEWAY: "cmdb_ci_protocol_converter",
    Kind.SWITCH: "cmdb_ci_ip_switch",
    Kind.ROUTER: "cmdb_ci_ip_router",
    Kind.DOMAIN_CONTROLLER: "cmdb_ci_server",
    Kind.JUMP_HOST: "cmdb_ci_server",
    Kind.SERVER: "cmdb_ci_server",
    Kind.WORKSTATION: "cmdb_ci_computer",
    Kind.PRINTER: "cmdb_ci_printer",
    Kind.CAMERA: "cmdb_ci_ip_camera",
    Kind.PHONE: "cmdb_ci_hardware",
    Kind.UNKNOWN: "cmdb_ci_ot",
}
"""The class that a type of device belongs into. A type is concluded, not known: a transform map may put it into another one."""

SOURCE = "Otoscope"

_TEXTS = {
    "name": ("name", 255),
    "manufacturer": ("vendor", 80),
    "model_id": ("model", 255),
    "model_number": ("order_number", 255),
    "serial_number": ("serial", 255),
    "firmware_version": ("firmware", 100),
    "hardware_version": ("hardware", 100),
    "host_name": ("hostname", 255),
    "os": ("operating_system", 100),
    "correlation_id": ("id", 100),
    "ot_asset_type": ("type", 40),
    "zone": ("zone", 100),
    "business_criticality": ("criticality", 40),
    "u_parent_correlation_id": ("parent", 100),
    "u_unit": ("unit", 100),
}
_COLUMNS = (
    *("sys_class_name", "discovery_source", "first_discovered", "last_discovered", "ip_address", "mac_address"),
    *_TEXTS,
    *("purdue_level", "u_purdue_confidence", "u_ip_addresses", "u_mac_addresses", "u_vlans", "u_protocols", "u_site"),
)


def _lines(assets: Iterable[Row], site: str) -> Iterator[Line]:
    for row in assets:
        seen = (date_and_time(row["first"]), date_and_time(row["last"]))
        first_of_each = (next(iter(row["ips"]), None), next(iter(row["macs"]), None))
        lists = (row["ips"], row["macs"], row["vlans"], sorted({*row["services"], *row["clients_of"]}))
        yield (
            "servicenow",
            (
                *(CLASSES[Kind(row["type"])], SOURCE, *seen, *first_of_each),
                *(line(row[name], limit) for name, limit in _TEXTS.values()),
                *("" if row["level"] is None else f"{row['level']:g}", percent(row["level_confidence"])),
                *(",".join(map(str, values)) for values in lists),
                line(site, 100),
            ),
        )


INVENTORY = Inventory("servicenow", {"servicenow": _COLUMNS}, _lines)
