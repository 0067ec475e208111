"""The console's certificate: the one that the settings name, or one of its own making."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sensor.errors import SettingsError
from sensor.settings import Settings, file_of

_DAYS = 397
"""Browsers take none that is good for longer."""
_RENEWED = timedelta(days=30)


def certificate(settings: Settings) -> tuple[str, str]:
    """Files of certificate and key. Raises SettingsError where they are none, or cannot be written."""
    wanted = settings.console
    if wanted.certificate_file:
        chain = file_of(wanted.certificate_file, "[console] certificate_file")
        found = chain, file_of(wanted.key_file, "[console] key_file") if wanted.key_file else chain
    else:
        found = _own(Path(wanted.folder), settings.identity().name)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*found)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"[console] certificate_file: {found[0]} with the key of {found[1]}: {error}") from error
    return found


def _own(folder: Path, name: str) -> tuple[str, str]:
    chain, key = folder / "certificate.pem", folder / "key.pem"
    if not _is_good(chain, key):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(chain, key, name)
        except OSError as error:
            raise SettingsError(f"[console] folder: {folder}: {(error.strerror or str(error)).lower()}") from error
    return str(chain), str(key)


def _is_good(chain: Path, key: Path) -> bool:
    try:
        known = x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError):
        return False
    return key.exists() and known.not_valid_after_utc - _RENEWED > datetime.now(UTC)


def _make(chain: Path, key: Path, name: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    if name.isascii():
        names.append(x509.DNSName(name))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(key, secret, 0o600)
    _write(chain, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole, and readable by nobody else in between."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    temporary.replace(path)
