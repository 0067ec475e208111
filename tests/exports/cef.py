"""A strict reader of CEF:0: it takes nothing that the standard forbids, and gives back what was meant."""

import ipaddress
import re

_HEADER = re.compile(r"CEF:0\|" + r"((?:[^\\|]|\\[\\|])*)\|" * 6)
_KEY = re.compile(r"([A-Za-z0-9]+)=")
_VALUE = re.compile(r"(?:[^\\=]|\\[\\=])*")
_CUSTOM = re.compile(r"OtoscopeSensor[A-Z0-9][A-Za-z0-9]*")

TEXTS = {
    "act": 63,
    "app": 31,
    "cat": 1023,
    "deviceExternalId": 255,
    "deviceInboundInterface": 128,
    "dhost": 1023,
    "dvchost": 100,
    "externalId": 40,
    "msg": 1023,
    "outcome": 63,
    "proto": 31,
    "reason": 1023,
    "request": 1023,
    "shost": 1023,
    **{f"cs{number}": 4000 for number in range(1, 7)},
}
NUMBERS = {
    **dict.fromkeys(("rt", "start", "end", "cn1", "cn2", "cn3"), 2**63 - 1),
    **dict.fromkeys(("spt", "dpt"), 65535),
    "cnt": 2**31 - 1,
}
ADDRESSES = {"src": 4, "dst": 4, "dvc": 4, "c6a1": 6, "c6a2": 6, "c6a3": 6}
MACS = {"smac", "dmac"}
LABELLED = {*(f"cs{number}" for number in range(1, 7)), "cn1", "cn2", "cn3", "c6a1", "c6a2", "c6a3"}


def read(line: str) -> tuple[list[str], dict[str, str]]:
    """The six header fields behind the version, and the extension; AssertionError where the line breaks a rule."""
    assert line.isprintable(), "something that is not to be seen"
    header = _HEADER.match(line)
    assert header, "no header"
    fields = [re.sub(r"\\(.)", r"\1", field) for field in header.groups()]
    for field, limit in zip(fields, (63, 63, 31, 1023, 512, 2), strict=True):
        assert field, "an empty header field"
        assert len(field) <= limit, "a header field that is too long"
    assert 0 <= int(fields[5]) <= 10, "no severity"
    extension = _extension(line[header.end() :])
    for key, value in extension.items():
        _check(key, value)
    labels = [key for key in extension if key.endswith("Label")]
    assert {label.removesuffix("Label") for label in labels} == LABELLED & extension.keys(), "a label without its key, or the reverse"
    assert len({extension[label] for label in labels}) == len(labels), "two keys with the same label"
    return fields, extension


def _extension(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    while text:
        key = _KEY.match(text)
        assert key, f"no key at {text[:20]!r}"
        value = _VALUE.match(text, key.end())
        assert value, f"a bad escape in {key[1]}"
        end = value.end()
        if end < len(text):
            assert text[end] == "=", f"a bad escape in {key[1]}"
            end = text.rindex(" ", key.end(), end)  # where the next key begins
        raw = text[key.end() : end]
        assert raw, f"{key[1]} is empty"
        assert raw == raw.strip(" "), f"{key[1]} begins or ends with a space"
        assert key[1] not in found, f"{key[1]} twice"
        found[key[1]] = re.sub(r"\\(.)", r"\1", raw)
        text = text[end + 1 :]
    return found


def _check(key: str, value: str) -> None:
    if key in TEXTS:
        assert len(value) <= TEXTS[key], f"{key} is too long"
    elif key in NUMBERS:
        assert re.fullmatch("[0-9]+", value), f"{key} is no number"
        assert int(value) <= NUMBERS[key], f"{key} is too great"
    elif key in ADDRESSES:
        assert ipaddress.ip_address(value).version == ADDRESSES[key], f"{key} is no address of its kind"
    elif key in MACS:
        assert re.fullmatch("[0-9A-F]{2}(:[0-9A-F]{2}){5}", value), f"{key} is no MAC"
    elif key.endswith("Label"):
        assert re.fullmatch("[A-Za-z0-9 ]+", value), f"{key} is no label"
    else:
        assert _CUSTOM.fullmatch(key), f"{key} is not in the dictionary"
        assert not set(value) & {";", "="}, f"{key} would break the column that it shares"
