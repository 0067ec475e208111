"""A root file system to install into and throw away: this machine's, with all changes kept apart in memory, and no network."""

import subprocess
from pathlib import Path

# What is changed stands in memory: an overlay takes no folder of another overlay for it, and a container's root is one.
_MAKE = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
mount --rbind /dev "$1/root/dev"
mount --bind "$2" "$1/root/mnt"
echo made
exec cat
"""
_ENTER = """
mount -t proc proc "$1/root/proc"
exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -euc "$2"
"""


class Throwaway:
    """Commands see what those before them changed; `/mnt` is the folder `given`. A process holds it, and it goes with us at the latest."""

    def __init__(self, folder: Path, given: Path) -> None:
        self.folder = folder
        command = ["unshare", "--mount", "--net", "sh", "-euc", _MAKE, "sh", str(folder), str(given)]
        self.holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "made\n", self.holder.stderr.read()

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run as root, without a network."""
        inside = ["nsenter", "--target", str(self.holder.pid), "--mount", "--net", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        command = [*inside, "sh", "-euc", _ENTER, "sh", str(self.folder), script]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    def succeed(self, script: str) -> str:
        """What it prints."""
        done = self.run(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def throw_away(self) -> None:
        self.holder.communicate()
