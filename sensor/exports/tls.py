"""TLS of the ways: whom to trust, who we are, and what a failure means for people.

The other side is always checked: by who signed its certificate and the name in it, or by the certificate's own fingerprint.
Nothing turns that off.
"""

import hashlib
import hmac
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from sensor.errors import SettingsError

OPTIONS: Mapping[str, str] = {
    "ca_file": "certificates (PEM) that may sign the other side's certificate; without it, those that this system trusts",
    "server_name": "the name in the other side's certificate, where it is not the host of the URL",
    "fingerprint": "SHA-256 of the other side's certificate: this very one is trusted, whoever signed it and whenever it ends",
    "certificate_file": "our certificate (PEM, with those in between), where the other side asks for one",
    "key_file": "the key of our certificate (PEM, without a password); without it, it stands in certificate_file",
}

CERTIFICATE = {
    9: "its certificate is not valid yet: look at the clocks of both sides",
    10: "its certificate has expired: renew it there, or look at the clock of this side",
    18: "its certificate is signed by itself: give it as ca_file, or its SHA-256 as fingerprint",
    19: "its certificate is signed by a CA that is not trusted here: give that CA's certificate as ca_file",
    20: "its certificate is signed by a CA that is not trusted here: give that CA's certificate as ca_file",
    21: "its certificate is signed by a CA that is not trusted here: give that CA's certificate as ca_file",
    62: "its certificate is for another name: give that name as server_name, if it is the right receiver",
    64: "its certificate does not name this address: give a name that it has as server_name",
}
"""By OpenSSL's number of what is wrong with a certificate."""

ALERTS = {
    "CERTIFICATE_REQUIRED": "it wants a certificate of us: give certificate_file and key_file",
    "HANDSHAKE_FAILURE": "it refuses the handshake: it may want a certificate of us (certificate_file, key_file)",
    "UNKNOWN_CA": "it does not trust who signed our certificate: its CA file must hold the CA of certificate_file",
    "BAD_CERTIFICATE": "it refuses our certificate: look whether it is the one that the receiver expects",
    "CERTIFICATE_EXPIRED": "it says that our certificate has expired: renew certificate_file",
    "CERTIFICATE_REVOKED": "it says that our certificate was revoked: renew certificate_file",
    "CERTIFICATE_UNKNOWN": "it refuses our certificate: look whether its name is one that the receiver permits",
    "ACCESS_DENIED": "it does not permit the name in our certificate",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
    "RECORD_LAYER_FAILURE": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS before 1.2, which are not safe",
    "PROTOCOL_VERSION": "it speaks no version of TLS that we do (1.2 and 1.3)",
}
"""By the end of OpenSSL's name of what failed."""

OTHER = "its certificate has another fingerprint; if it was renewed, and you know that, set fingerprint to the new one"


def explain(error: ssl.SSLError) -> str:
    """What failed, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE.get(error.verify_code, f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLZeroReturnError):
        return "it closed the connection"
    if isinstance(error, ssl.SSLEOFError) or "UNEXPECTED_EOF" in str(error):
        return "it closed the connection without a word: it may not speak TLS on this port, or want another certificate of us"
    if not (reason := getattr(error, "reason", None)):
        return str(error.args[0] if error.args else error)
    found = next((text for name, text in ALERTS.items() if name in reason), None)
    return found or f"TLS failed: {reason.lower().replace('_', ' ')}"


def context(options: Mapping[str, str]) -> ssl.SSLContext:
    """What TLS 1.2 or 1.3 is to be spoken with. Raises SettingsError where a file is missing or is not what it should be."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if "server_name" in options:
        _name(made, options["server_name"])
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if pinned(options):
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE  # the certificate itself is compared, in check()
    elif "ca_file" in options:
        _certificates(made, options["ca_file"])
    else:
        made.load_default_certs()
    if "certificate_file" in options:
        _ours(made, options["certificate_file"], options.get("key_file"))
    elif "key_file" in options:
        raise SettingsError("key_file: a key needs its certificate: give certificate_file too")
    return made


def pinned(options: Mapping[str, str]) -> str:
    """The fingerprint that is demanded, as 64 hexadecimal digits; empty: none is. Raises SettingsError where it is none."""
    if "fingerprint" not in options:
        return ""
    digits = re.sub(r"^sha-?256[:=]|[\s:]", "", options["fingerprint"].strip().lower())
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise SettingsError(
            "fingerprint: 64 hexadecimal digits are needed, as `openssl x509 -noout -fingerprint -sha256 -in FILE` prints them"
        )
    return digits


def check(certificate: bytes | None, fingerprint: str) -> None:
    """Raises ssl.SSLError where a fingerprint is demanded, and this certificate (DER) has another."""
    seen = hashlib.sha256(certificate or b"").hexdigest()
    if fingerprint and not hmac.compare_digest(seen, fingerprint):
        raise ssl.SSLError(f"{OTHER}: {seen}")


def _name(made: ssl.SSLContext, name: str) -> None:
    try:
        made.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
    except (ValueError, TypeError, ssl.SSLError):
        raise SettingsError(f"server_name: {name!r}: a name is needed, as it stands in the other side's certificate") from None


def _certificates(made: ssl.SSLContext, path: str) -> None:
    _readable("ca_file", path)
    try:
        made.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise SettingsError(f"ca_file: {path}: there is no certificate in PEM in it") from None


def _ours(made: ssl.SSLContext, certificate: str, key: str | None) -> None:
    _readable("certificate_file", certificate)
    if key is not None:
        _readable("key_file", key)

    def password() -> str:
        # Without this OpenSSL would ask at the terminal.
        raise SettingsError(f"key_file: {key or certificate}: the key has a password: store it without one, readable by this user only")

    try:
        made.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"key_file: {key or certificate}: it is not the key of {certificate}") from None
        raise SettingsError(f"certificate_file: {certificate}: no certificate with its key in PEM is in it and key_file") from None


def _readable(option: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise SettingsError(f"{option}: {path}: {(getattr(error, 'strerror', None) or str(error)).lower()}") from None
