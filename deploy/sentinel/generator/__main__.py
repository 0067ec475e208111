"""Writes all that is made, and removes what is made no more."""

from deploy.sentinel.generator import arm, catalogue, solution
from deploy.sentinel.generator.content import HOME

MADE = ("solution/Analytic Rules", "solution/Hunting Queries", "solution/Parsers", "asim", "samples")
"""Folders in which everything is made."""


def made() -> dict[str, str]:
    """Every file that is made, text by path."""
    return {path: text for part in (catalogue, solution, arm) for path, text in part.files()}


def main() -> None:
    """Write."""
    files = made()
    for folder in MADE:
        for path in (HOME / folder).rglob("*.*"):
            if path.relative_to(HOME).as_posix() not in files:
                path.unlink()
    for name, text in files.items():
        path = HOME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
