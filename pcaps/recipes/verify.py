"""Hold every capture against its expectation with Wireshark: `python -m pcaps.recipes.verify [NAME...]`."""

import json
import sys
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from pcaps.recipes import wireshark
from pcaps.recipes.expectation import PCAPS, flat

MEGABYTE = 1 << 20


def _is_in(content: bytes, value: str) -> bool:
    """A fact's text stands in a capture: as text of either width, in labels (DNS), in letters for half octets (NetBIOS), as an address."""
    text = value.encode()
    labels = b"".join(bytes((len(label) & 0x3F,)) + label for label in text.split(b"."))
    letters = bytes(65 + half for octet in text for half in (octet >> 4, octet & 15))
    forms = [text, value.encode("utf-16-le"), labels, letters]
    with suppress(ValueError):
        forms.append(IPv4Address(value).packed)
    return any(form in content for form in forms)


def differences(document: Path) -> list[str]:
    """Where Wireshark sees something else than the expectation says."""
    expected = json.loads(document.read_text())
    capture = PCAPS / expected["capture"]
    seen = wireshark.seen(capture, tuple(expected.get("wireshark_decode_as", ())))
    wanted = flat(expected["protocols"])
    lines = [
        f"{' '.join(key)}: expected {wanted[key]}, Wireshark {seen.counts[key]}"
        for key in sorted(wanted | seen.counts)
        if wanted[key] != seen.counts[key]
    ]
    if expected["packets"] != seen.packets:
        lines.append(f"packets: expected {expected['packets']}, Wireshark {seen.packets}")
    content = capture.read_bytes()
    lines += [f"fact not in the capture: {fact['value']}" for fact in expected["facts"] if not _is_in(content, fact["value"])]
    if seen.malformed:
        lines.append(f"malformed: {seen.malformed}")
    rows = [row for row in expected["conversations"] if row not in seen.conversations]
    return lines + [f"conversation: {row} not in Wireshark's {seen.conversations}" for row in rows]


def main() -> int:
    """Print what differs; 1 where a capture without a note differs, or the directory has grown too large."""
    names = set(sys.argv[1:])
    wrong = 0
    for document in sorted(PCAPS.glob("*.json")):
        if names and document.stem not in names:
            continue
        lines = differences(document)
        note = json.loads(document.read_text()).get("note", "")
        wrong += bool(lines and not note)
        if lines:
            print(document.stem, *lines, *([f"note: {note}"] if note else []), sep="\n  ")
    total = sum(path.stat().st_size for path in PCAPS.glob("*.pcap*"))
    print(f"{len(list(PCAPS.glob('*.json')))} captures, {total:,} octets, {wrong} differ without a note")
    return 1 if wrong or total > 1.5 * MEGABYTE else 0


if __name__ == "__main__":
    sys.exit(main())
