"""Writes all that is made, and removes what is made no more."""

from collections.abc import Mapping
from pathlib import Path

from deploy.sentinel.generator import arm, catalogue, package, samples, solution
from deploy.sentinel.generator.content import HOME

FOLDERS = ("solution/Analytic Rules", "solution/Hunting Queries", "solution/Parsers", "solution/Watchlists", "asim", "samples")
"""In which everything is made."""


def made() -> dict[str, str]:
    """Every file that is made, text by path."""
    return {path: text for part in (arm, catalogue, package, samples, solution) for path, text in part.files()}


def stale(files: Mapping[str, str]) -> list[Path]:
    """What stands in those folders and is made no more."""
    found = (path for folder in FOLDERS for path in (HOME / folder).rglob("*") if path.is_file())
    return [path for path in found if path.relative_to(HOME).as_posix() not in files]


def main() -> None:
    """Write."""
    files = made()
    for path in stale(files):
        path.unlink()
    for name, text in files.items():
        path = HOME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
