"""The build, by maturin; where no fit Rust is found it says so in one line (maturin would fetch one, unasked)."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from maturin import (
    build_editable,
    build_sdist,
    build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = ["build_editable", "build_sdist", "build_wheel", "prepare_metadata_for_build_editable", "prepare_metadata_for_build_wheel"]


def _missing_rust() -> str | None:
    """What is missing, where the Rust that the crate asks for is not there."""
    wanted = tomllib.loads(Path(__file__).with_name("Cargo.toml").read_text(encoding="utf-8"))["package"]["rust-version"]
    advice = f"Otoscope is built with Rust {wanted} or newer: install it from https://rustup.rs and try again"
    if not shutil.which("cargo") or not shutil.which("rustc"):
        return f"no Rust compiler was found. {advice}"
    said = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)  # noqa: S607 - the one that cargo will take
    found = re.search(r"(\d+)\.(\d+)", said.stdout)
    if not found:
        return f"rustc does not run ({said.stderr.strip()[:200]}). {advice}"
    if (int(found[1]), int(found[2])) < tuple(map(int, wanted.split(".")[:2])):
        return f"the Rust compiler found is too old ({found[0]}). {advice}"
    if not shutil.which("cc"):
        return "no C compiler was found, and Rust needs one to link: install it (Debian: apt-get install build-essential) and try again"
    return None


if _missing := _missing_rust():
    raise SystemExit(f"error: {_missing}")
