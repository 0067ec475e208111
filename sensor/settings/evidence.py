"""The table [evidence] of the settings."""

from pathlib import Path

from pydantic import Field

from sensor.settings.table import Table

MOST_FRAMES, MOST_KIBIBYTES = 10_000, 4096
"""What a single alert may be given at the most."""
_USUAL = Path("/var/lib/otoscope/evidence")


class EvidenceSettings(Table):
    """The frames around each alert ([evidence.md](evidence.md))."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="Where they lie; by default in `evidence` beside the database.",
        examples=["/var/lib/otoscope/evidence"],
    )
    ring_mebibytes: int = Field(
        default=64,
        ge=0,
        le=4096,
        description="Memory for the last frames, all workers together, 4 each at the least; 0: there is no evidence.",
        json_schema_extra={"unit": "MiB"},
    )
    ring_minutes: int = Field(
        default=60, ge=1, le=1440, description="So long a frame stays in it at the most.", json_schema_extra={"unit": "minutes"}
    )
    seconds_before: float = Field(
        default=30, ge=0, le=3600, description="Of what came before it happened.", json_schema_extra={"unit": "s"}
    )
    seconds_after: float = Field(default=10, ge=0, le=3600, description="Of what came after.", json_schema_extra={"unit": "s"})
    frames: int = Field(default=500, ge=2, le=MOST_FRAMES, description="The most of one alert.", json_schema_extra={"unit": "frames"})
    kibibytes: int = Field(default=256, ge=2, le=MOST_KIBIBYTES, description="The most of one alert.", json_schema_extra={"unit": "KiB"})
    megabytes: float = Field(
        default=1000, gt=0, le=1_000_000, description="The most of all; then the oldest go.", json_schema_extra={"unit": "MB"}
    )
    days: float = Field(default=90, gt=0, le=3650, description="Then they go.", json_schema_extra={"unit": "days"})

    def place(self, database: str) -> Path:
        """The folder: the one that is named, or the one beside a database that is a file."""
        if self.folder is not None:
            return Path(self.folder)
        is_file = "://" not in database and database != ":memory:"
        return Path(database).parent / _USUAL.name if is_file else _USUAL
