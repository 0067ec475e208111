"""What Otoscope is made of, as a CycloneDX document: its Python by cyclonedx-py, the crates of its Rust half by cargo."""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any


def run(*command: object) -> str:
    """What it prints; what it complains about goes to the terminal."""
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True).stdout


def of_python(root: Path, wheels: Path, interpreter: Path) -> dict[str, Any]:
    """The libraries as they are installed from these wheels."""
    with tempfile.TemporaryDirectory() as directory:
        run(interpreter, "-m", "venv", "--without-pip", directory)
        python = Path(directory) / "bin/python"
        install = ("install", "--quiet", "--no-index", "--no-compile", "--find-links", wheels, "otoscope[azure,stix]")
        run(sys.executable, "-m", "pip", "--python", python, *install)
        command = (sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--output-format", "JSON")
        found: dict[str, Any] = json.loads(run(*command, "--pyproject", root / "pyproject.toml", python))
        return found


def of_rust(root: Path) -> list[dict[str, Any]]:
    """The crates that the compiled module holds, with the checksums of the lock file."""
    manifest = root / "dissectors/Cargo.toml"
    tree = ("cargo", "tree", "--locked", "--features", "python", "--edges", "normal", "--prefix", "none", "--format", "{p}\t{l}")
    locked = tomllib.loads((root / "dissectors/Cargo.lock").read_text(encoding="utf-8"))["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
    found = {}
    for line in run(*tree, "--manifest-path", manifest).splitlines():
        crate, _, expression = line.removesuffix(" (*)").partition("\t")
        name, version = crate.split()[:2]
        version = version.removeprefix("v")
        if checksum := checksums[name, version]:
            found[name, version] = component(name, version, checksum, expression)
    return [found[key] for key in sorted(found)]


def component(name: str, version: str, checksum: str, expression: str) -> dict[str, Any]:
    """A crate, as CycloneDX has it."""
    address = f"pkg:cargo/{name}@{version}"
    licenses = [{"expression": expression.replace("/", " OR ")}] if expression else []
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "hashes": [{"alg": "SHA-256", "content": checksum}],
        "licenses": licenses,
    }


def bill_of_materials(root: Path, wheels: Path, interpreter: Path) -> str:
    """The document. interpreter: the Python that the wheels are for."""
    bill = of_python(root, wheels, interpreter)
    crates = of_rust(root)
    bill["components"] += crates
    bill["dependencies"] += [{"ref": crate["bom-ref"]} for crate in crates]
    [ours] = [entry for entry in bill["dependencies"] if entry["ref"] == bill["metadata"]["component"]["bom-ref"]]
    ours["dependsOn"] = sorted({*ours.get("dependsOn", []), *(crate["bom-ref"] for crate in crates)})
    return json.dumps(bill, indent=1, ensure_ascii=False) + "\n"
