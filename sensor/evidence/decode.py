"""What a capture says by Wireshark's dissectors: tshark where it is installed, on a short leash, for octets that may mean harm."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sensor import words
from sensor.errors import EvidenceError

_SECONDS = 60
_NOBODY = "nobody"
_ADVICE = "tshark is not installed: install it (Debian: apt-get install tshark), or open the capture in Wireshark (--pcap FILE)"


def decoded(capture: Path) -> Iterator[str]:
    """A line for each frame, without what a terminal would obey. Raises EvidenceError.

    tshark asks no name server, reads nobody's own settings, and is nobody where we are root: so it gets the capture as its input.
    """
    program = shutil.which("tshark")
    if program is None:
        raise EvidenceError(_ADVICE)
    rights = {"user": _NOBODY, "group": _group(), "extra_groups": ()} if os.geteuid() == 0 else {}
    surroundings = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
    try:
        with capture.open("rb") as octets:
            done = subprocess.run(  # noqa: S603 - the program is found on the path, nothing of it comes from the capture
                (program, "-n", "-r", "-"),
                stdin=octets,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                cwd="/",
                env=surroundings,
                **rights,  # type: ignore[call-overload] # names of parameters
            )
    except subprocess.TimeoutExpired as error:
        raise EvidenceError(f"tshark takes longer than {_SECONDS} s: open the capture in Wireshark (--pcap FILE)") from error
    except OSError as error:
        raise EvidenceError(f"tshark cannot be run: {error.strerror}") from error
    if done.returncode and not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise EvidenceError(f"tshark cannot read it: {words.plain(said[-1][:200]) if said else 'it does not say why'}")
    for line in done.stdout.decode(errors="replace").splitlines():
        yield words.plain(line)


def _group() -> str:
    """Nobody's group, which is called so by some systems and by others not."""
    import grp  # noqa: PLC0415  # there is none on systems that are not Unix

    names = {entry.gr_name for entry in grp.getgrall()}
    return "nogroup" if "nogroup" in names else _NOBODY
