"""Send a trace into an interface at a rate: `python -m benchmarks.generator TRACE.pcap INTERFACE RATE`.

For virtual interfaces in a network namespace of one's own only. Rate 0 is as fast as it goes. It prints frames sent and
seconds taken as JSON. Many frames go with one system call (sendmmsg), which Python's socket module does not have.
"""

import ctypes
import json
import mmap
import socket
import struct
import sys
import time
from pathlib import Path

_TOGETHER = 256


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint32),
    )


def _messages(trace: mmap.mmap) -> tuple[ctypes.Array[_Message], ctypes.Array[_Part]]:
    """What sendmmsg takes, for each frame of the trace, which is left where it lies."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(trace))
    frames, at = [], 24
    while at < len(trace):
        (length,) = struct.unpack_from("<I", trace, at + 8)
        frames.append((base + at + 16, length))
        at += 16 + length
    parts = (_Part * len(frames))(*frames)
    first, size = ctypes.addressof(parts), ctypes.sizeof(_Part)
    return (_Message * len(frames))(*((None, 0, first + number * size, 1) for number in range(len(frames)))), parts


def send(trace: Path, interface: str, rate: int) -> dict[str, float]:
    """Send all of it once."""
    send_many = ctypes.CDLL(None, use_errno=True).sendmmsg
    with trace.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as octets:
        messages, parts = _messages(octets)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((interface, 0))
            sent, began, size = 0, time.perf_counter(), ctypes.sizeof(_Message)
            while sent < len(messages):
                ahead = sent / rate - (time.perf_counter() - began) if rate else 0
                if ahead > 0:
                    time.sleep(ahead)
                address = ctypes.c_void_p(ctypes.addressof(messages) + sent * size)
                done = send_many(sender.fileno(), address, min(_TOGETHER, len(messages) - sent), 0)
                sent += max(done, 0)
            seconds = time.perf_counter() - began
        del messages, parts
        return {"sent": sent, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(send(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
    sys.stdout.flush()
