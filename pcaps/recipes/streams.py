"""What TCP does to a conversation: cuts, reordering, repetition, loss, odd ports, the wrong protocol."""

from pcaps.recipes.expectation import Anomaly
from pcaps.recipes.frames import (
    ACK,
    ALL,
    FIN,
    PORT,
    REQUESTS,
    RESPONSES,
    Made,
    Path,
    Segment,
    dialogue,
    down,
    ethernet,
    handshake,
    keep,
    messages,
    packets,
    pcap,
    records,
    up,
)

HEADER = "Wireshark 4.0 gives up where a segment ends inside the Modbus header"
OVERLAP = "Wireshark 4.0 takes the overlapping segments for repetitions and loses what is new in them"
LATE = "Wireshark dissects the late segments only with tcp.reassemble_out_of_order"
UP, DOWN = b"".join(REQUESTS), b"".join(RESPONSES)


def _file(segments: list[Segment], path: Path | None = None) -> bytes:
    return pcap(records(ethernet(packet, from_client=sender) for sender, packet in packets(path or Path(), segments)))


def _made(name: str, shows: str, segments: list[Segment], note: str = "", path: Path | None = None) -> Made:
    path = path or Path()
    decode_as = () if path.port == PORT else (f"tcp.port=={path.port},mbtcp",)
    return Made(f"{name}.pcap", shows, _file(segments, path), len(segments), ALL, (path.conversation,), note, decode_as)


def _slices(data: bytes, octets: int) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + octets]) for at in range(0, len(data), octets)]


def whole() -> list[Made]:
    """Every message is there."""
    single = handshake() + [up(*piece) for piece in _slices(UP, 1)] + [down(*piece) for piece in _slices(DOWN, 1)]
    odd = handshake() + [up(*piece) for piece in _slices(UP, 7)] + [down(*piece) for piece in _slices(DOWN, 5)]
    together = [*handshake(), up(0, UP), down(0, DOWN)]
    plain = dialogue()
    swapped = [*handshake(), plain[0], plain[1], plain[4], plain[2], plain[5], plain[3]]
    again = [*handshake(), plain[0], plain[0], plain[1], plain[2], plain[3], plain[3], plain[4], plain[5]]
    overlap = [*handshake(), up(0, UP[:20]), up(12, UP[12:40]), up(12, UP[12:]), down(0, DOWN)]
    closing = [
        Segment(from_client=True, at=len(UP), payload=b"", flags=FIN),
        Segment(from_client=False, at=len(DOWN), payload=b"", flags=FIN),
    ]
    closing.append(Segment(from_client=True, at=len(UP) + 1, payload=b"", flags=ACK))
    keepalive = [up(len(UP) - 1, b"\0"), Segment(from_client=False, at=len(DOWN), payload=b"", flags=ACK)]
    wrap = Path(first=(0xFFFFFFF0, 0xFFFFFFFA))
    return [
        _made("tcp-octets", "every octet in a segment of its own", single, HEADER),
        _made("tcp-cuts", "messages cut at every place", odd, HEADER),
        _made("tcp-together", "three messages in one segment", together),
        _made("tcp-reordered", "segments out of order", swapped, LATE),
        _made("tcp-repeated", "a request and a response sent twice", again, "a message sent twice counts once"),
        _made("tcp-overlap", "segments that overlap", overlap, OVERLAP),
        _made("tcp-midstream", "begun before the capture", plain),
        _made("tcp-wrap", "sequence numbers pass 2^32", handshake() + plain, path=wrap),
        _made("tcp-closed", "a keep-alive with an octet, then the end", handshake() + plain + keepalive + closing),
        _made("modbus-odd-port", "Modbus on port 8000", handshake() + plain, path=Path(port=8000)),
    ]


def _gap() -> Made:
    """The middle of a stream is missing; its ends are there."""
    size = len(RESPONSES[0])
    segments = [*handshake(), up(0, REQUESTS[0]), down(0, RESPONSES[0][:5]), up(len(REQUESTS[0]), REQUESTS[1]), down(size, RESPONSES[1])]
    at, back = len(REQUESTS[0] + REQUESTS[1]), len(RESPONSES[0] + RESPONSES[1])
    segments += [up(at, REQUESTS[2]), down(back, RESPONSES[2])]
    note = "all but five octets of the first response were lost before the mirror; what follows is whole"
    counts = messages((3, 6, 16), (6, 16))
    return Made("tcp-gap.pcap", "a response of which only the start is there", _file(segments), len(segments), counts, note=note)


def _lost() -> Made:
    plain = dialogue()
    segments = handshake() + plain[:2] + plain[3:]
    note = "the second request was lost before the mirror"
    return Made("tcp-lost.pcap", "a request missing", _file(segments), len(segments), messages((3, 16), (3, 6, 16)), note=note)


def _one_way() -> list[Made]:
    plain = dialogue()
    asks, says = plain[::2], plain[1::2]
    return [
        Made("one-way-requests.pcap", "only what the client sends", _file(asks), 3, messages((3, 6, 16), ())),
        Made("one-way-responses.pcap", "only what the server sends", _file(says), 3, messages((), (3, 6, 16))),
    ]


def _http() -> Made:
    """A web page on Modbus' port."""
    ask = b"GET /index.html HTTP/1.1\r\nHost: 10.20.1.11:502\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
    body = b"<html><body>Boiler 2</body></html>"
    answer = b"HTTP/1.1 200 OK\r\nServer: thttpd/2.25b\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    segments = handshake() + dialogue([ask], [answer])
    note = "no message of Modbus, whatever the port says"
    told = (Anomaly(protocol="modbus", kind="unexpected_protocol", detail="not modbus on its port but http"),)
    shows = "HTTP on Modbus' port"
    return Made("http-on-502.pcap", shows, _file(segments), len(segments), messages((), ()), (), note, anomalies=told)


def main() -> None:
    """Write them all."""
    for made in [*whole(), _gap(), _lost(), *_one_way(), _http()]:
        keep(made, "streams")


if __name__ == "__main__":
    main()
