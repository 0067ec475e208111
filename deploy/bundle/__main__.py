"""Make the bundle: python -m deploy.bundle WHEELS PYTHON OUTPUT. All in it has a checksum, and an SBOM says what it is made of."""

import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from deploy.bundle.sbom import bill_of_materials

ROOT = Path(__file__).parents[2]
FILES = {
    "deploy/bundle/install.sh": "install.sh",
    "deploy/otoscope.toml": "otoscope.toml",
    "deploy/debian/otoscope": "service/otoscope",
    "deploy/nic/otoscope-nic": "service/otoscope-nic",
    "deploy/nic/otoscope-nic.default": "service/otoscope-nic.default",
    "deploy/systemd/otoscope.service": "service/otoscope.service",
    "deploy/systemd/otoscope-nic@.service": "service/otoscope-nic@.service",
    "deploy/systemd/sysusers.conf": "service/sysusers.conf",
    "deploy/systemd/tmpfiles.conf": "service/tmpfiles.conf",
    "docs/install.md": "install.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "LICENSE": "LICENSE",
}


def sums(folder: Path) -> str:
    """What `sha256sum --check` reads."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in paths)


def pack(folder: Path, archive: Path, seconds: int) -> None:
    """The archive, the same for the same content: no user's name, and one time for all."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = seconds
        return member

    with tarfile.open(archive, "w") as opened:
        opened.add(folder, arcname=folder.name, filter=plain)


def main(wheels: Path, interpreter: Path, output: Path) -> None:
    """Gather, list, sum up, pack."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    said = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False).stdout.strip()
    seconds = int(said or (ROOT / "pyproject.toml").stat().st_mtime)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / f"otoscope-{version}-linux-{platform.machine()}"
        shutil.copytree(wheels, folder / "wheels")
        for source, target in FILES.items():
            (folder / target).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, folder / target)
        (folder / "sbom.cdx.json").write_text(bill_of_materials(ROOT, wheels, interpreter), encoding="utf-8")
        (folder / "SHA256SUMS").write_text(sums(folder), encoding="utf-8")
        output.mkdir(exist_ok=True)
        archive = output / f"{folder.name}.tar"
        pack(folder, archive, seconds)
    archive.with_name(f"{archive.name}.sha256").write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    print(archive)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
