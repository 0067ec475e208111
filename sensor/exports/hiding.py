"""What servers say, for people: on one line, and nothing of it where it repeats what may be secret."""

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

LEFT_OUT = "… (left out, for it repeats our path or token)"
_SHORTEST = 6
"""Letters and digits that a part of a path or a query has at least, if it may be a secret."""
_BEGINNING = 64
"""By so many a secret is told: the end of an answer may not have been read."""


def secrets_of(path: str) -> list[str]:
    """What of a path and query may be secret: the whole, and each part that is long enough."""
    return [part for part in (path, *re.split(r"[/?&=]", path)) if len(_bare(part)) >= _SHORTEST]


def shown(said: str, secrets: Iterable[str], most: int = 200) -> str:
    """The beginning of what was said."""
    told = _bare(said)
    if any((known := _bare(secret)[:_BEGINNING]) and known in told for secret in secrets):
        return LEFT_OUT
    line = " ".join(said[: 4 * most].split())
    return json.dumps("".join(character if character.isprintable() else "?" for character in line)[:most], ensure_ascii=False)


def _bare(text: str) -> str:
    """Its letters and digits, for what is between them may be quoted in many ways."""
    return re.sub(r"[\W_]", "", unquote(html.unescape(text.replace("\\u00", "%"))).lower())


def origin(location: str) -> str:
    """Scheme and host of a URL."""
    try:
        parts = urlsplit(location)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "another URL"
    return f"{parts.scheme or 'the same scheme'}://{parts.hostname}{port}" if parts.hostname else "another path of the same host"
