"""How long a server of HTTP asks to be left alone (RFC 9110, section 10.2.3)."""

import email.utils
import time

LONGEST_WAIT = 3600.0


def retry_after(header: str | None) -> float | None:
    """Seconds, of a number or a date; None where it is neither."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(until - time.time(), 0.0), LONGEST_WAIT)
