"""Secrets: the settings name files that hold them, never the secrets themselves."""

from pathlib import Path

from sensor.errors import SettingsError
from sensor.settings.environment import environment

PREFIX = "credential:"
FOLDER = Path("/etc/otoscope/secrets")
"""What the unit hands to the service (LoadCredential=secrets:…), under names that begin with `secrets_`."""


def file_of(text: str, key: str) -> str:
    """The file that a setting names: `credential:NAME` is the one that systemd hands over, without systemd that of FOLDER.

    Raises SettingsError where there is none.
    """
    if not text.startswith(PREFIX):
        return text
    name = text.removeprefix(PREFIX)
    if not name or name in (".", "..") or "/" in name:
        raise SettingsError(f"{key}: {text!r} names no credential: write {PREFIX}NAME, for {FOLDER}/NAME")
    folder = environment().get("CREDENTIALS_DIRECTORY")
    choices = [Path(folder, name), Path(folder, f"secrets_{name}")] if folder else [FOLDER / name]
    for path in choices:
        try:
            if path.exists():
                return str(path)
        except (OSError, ValueError) as error:
            raise SettingsError(f"{key}: {path} cannot be looked at: {getattr(error, 'strerror', None) or error}") from error
    where = f"{FOLDER}/{name}" + (", and restart the service" if folder else "")
    raise SettingsError(f"{key}: there is no credential {name!r}: put it into {where}")
