"""What Wireshark counts in a capture: requests and responses by protocol and function code, and who asks whom.

The side with the protocol's port is the server. Messages inside others (CIP) count too.
"""

import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from pcaps.recipes.expectation import Conversation, Key, Seen

Element = ET.Element
PORTS = {"modbus": {502, 1502, 1503, 8000}, "s7comm": {102}, "enip": {44818, 2222}, "cip": {44818, 2222}, "dnp3": {20000}}
KINDS = {1: "job", 2: "ack", 3: "ack_data", 7: "userdata"}


def _number(layer: Element, name: str) -> int | None:
    field = next((field for field in layer.iter("field") if field.get("name") == name), None)
    return int(field.get("show", ""), 0) if field is not None and field.get("show") else None


def _own_number(layer: Element, name: str) -> int | None:
    """A field of this layer, not of one nested in it."""
    for child in layer:
        if child.tag == "field":
            value = int(child.get("show", ""), 0) if child.get("name") == name and child.get("show") else _own_number(child, name)
            if value is not None:
                return value
    return None


def _modbus(layer: Element, *, to_server: bool) -> Iterable[Key]:
    code = str(_number(layer, "modbus.func_code"))
    yield ("modbus", code, "request" if to_server else "response")
    if not to_server and _number(layer, "modbus.exception_code") is not None:
        yield ("modbus", code, "error")


def _s7comm(layer: Element, *, to_server: bool) -> Iterable[Key]:
    del to_server
    kind = KINDS.get(_number(layer, "s7comm.header.rosctr") or 0, "")
    function = _number(layer, "s7comm.param.func")
    if kind == "userdata":
        group, sub = (_number(layer, f"s7comm.param.userdata.{name}") for name in ("funcgroup", "subfunc"))
        asks = _number(layer, "s7comm.param.userdata.type") == 4
        yield ("s7comm", f"userdata {group}.{sub}", "request" if asks else "response")
    elif function is not None:
        yield ("s7comm", f"0x{function:02x}", "request" if kind == "job" else "response")


def _enip(layer: Element, *, to_server: bool) -> Iterable[Key]:
    command = _own_number(layer, "enip.command")
    if command is not None:
        yield ("enip", f"0x{command:04x}", "request" if to_server else "response")


def _cip(layer: Element, *, to_server: bool) -> Iterable[Key]:
    del to_server
    service, answers = _own_number(layer, "cip.sc"), _own_number(layer, "cip.rr")
    if service is not None:
        yield ("cip", f"0x{service:02x}", "response" if answers else "request")


def _dnp3(layer: Element, *, to_server: bool) -> Iterable[Key]:
    del to_server
    for field in layer.iter("field"):
        if field.get("name") == "dnp3.al.func":
            code = int(field.get("show", ""), 0)
            yield ("dnp3", str(code), "response" if code >= 129 else "request")


LAYERS: dict[str, Callable[..., Iterable[Key]]] = {"modbus": _modbus, "s7comm": _s7comm, "enip": _enip, "cip": _cip, "dnp3": _dnp3}


def _ends(packet: Element) -> tuple[dict[str, str], str]:
    """The innermost addresses and ports of a packet."""
    found: dict[str, str] = {}
    transport = ""
    for layer in packet:
        name = layer.get("name", "")
        if name in {"ip", "ipv6", "tcp", "udp"}:
            transport = name if name in {"tcp", "udp"} else transport
            for field in layer.iter("field"):
                if field.get("name") in {f"{name}.{part}" for part in ("src", "dst", "srcport", "dstport")}:
                    found.setdefault(str(field.get("name")).rpartition(".")[2] + name, str(field.get("show")))
    address = {side: found.get(side + "ip") or found.get(side + "ipv6") or "" for side in ("src", "dst")}
    ports = {side: found.get(side + transport) or "0" for side in ("srcport", "dstport")} if transport else {"srcport": "0", "dstport": "0"}
    return address | ports, transport


def _tshark(capture: Path, decode_as: tuple[str, ...], *arguments: str) -> list[str]:
    return ["tshark", "-n", "-r", str(capture), *(part for rule in decode_as for part in ("-d", rule)), *arguments]


def packets(capture: Path) -> int:
    """Records in the file, as far as Wireshark can read them."""
    done = subprocess.run(_tshark(capture, (), "-T", "fields", "-e", "frame.number"), capture_output=True, text=True, check=False)
    return len(done.stdout.splitlines())


def seen(capture: Path, decode_as: tuple[str, ...] = ()) -> Seen:
    """Everything that Wireshark sees in a capture."""
    counts: Counter[Key] = Counter()
    talk: dict[tuple[str, str, str, str, int], None] = {}
    malformed = 0
    done = subprocess.run(_tshark(capture, decode_as, "-T", "pdml"), capture_output=True, check=False)
    for packet in ET.fromstring(done.stdout):
        ends, transport = _ends(packet)
        malformed += any(layer.get("name") == "_ws.malformed" for layer in packet.iter("proto"))
        for layer in packet.iter("proto"):
            protocol = layer.get("name", "")
            if protocol not in LAYERS:
                continue
            to_server = int(ends["dstport"]) in PORTS[protocol]
            keys = list(LAYERS[protocol](layer, to_server=to_server))
            counts.update(keys)
            client, server, port = ("src", "dst", "dstport") if to_server else ("dst", "src", "srcport")
            if keys:
                talk[protocol, ends[client], ends[server], transport, int(ends[port])] = None
    conversations = [Conversation(protocol=p, client=c, server=s, transport=t, port=n) for p, c, s, t, n in talk]
    return Seen(packets(capture), counts, conversations, malformed)
