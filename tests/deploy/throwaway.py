"""A root file system to install into and throw away: this machine's, with all changes kept apart, and no network."""

import subprocess
from pathlib import Path

_ENTER = """
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount --bind "$2" "$1/root/mnt"
exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -euc "$3"
"""


class Throwaway:
    """Commands see what those before them changed; `/mnt` is the folder `given`."""

    def __init__(self, folder: Path, given: Path) -> None:
        self.folder = folder
        self.given = given
        for name in ("changes", "work", "root"):
            (folder / name).mkdir()

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run as root, without a network."""
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-euc", _ENTER, "sh", self.folder, self.given, script]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=600)

    def succeed(self, script: str) -> str:
        """What it prints."""
        done = self.run(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
