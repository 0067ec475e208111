"""How much evidence is kept: `[evidence]` of the settings."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

MOST_FRAMES, MOST_KIBIBYTES = 10_000, 4096
"""What a single alert may be given at the most."""
_USUAL = Path("/var/lib/otoscope/evidence")


class EvidenceSettings(BaseModel):
    """Captures of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str | None = Field(default=None, min_length=1, description="Where they lie; by default evidence beside the database.")
    ring_mebibytes: int = Field(default=64, ge=0, le=4096, description="Memory for the last frames, of all workers; 0: no evidence.")
    ring_minutes: int = Field(default=60, ge=1, le=1440, description="So long they stay in it at the most.")
    seconds_before: float = Field(default=30, ge=0, le=3600, description="Of what came before it happened.")
    seconds_after: float = Field(default=10, ge=0, le=3600, description="Of what came after.")
    frames: int = Field(default=500, ge=2, le=MOST_FRAMES, description="The most of one alert.")
    kibibytes: int = Field(default=256, ge=2, le=MOST_KIBIBYTES, description="The most of one alert.")
    megabytes: float = Field(default=1000, gt=0, le=1_000_000, description="The most of all; then the oldest go.")
    days: float = Field(default=90, gt=0, le=3650, description="Then they go.")

    def place(self, database: str) -> Path:
        """The folder: the one that is named, or the one beside a database that is a file."""
        if self.folder is not None:
            return Path(self.folder)
        is_file = "://" not in database and database != ":memory:"
        return Path(database).parent / _USUAL.name if is_file else _USUAL
