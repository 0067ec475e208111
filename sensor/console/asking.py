"""What a page or a program asks for, from the parameters of its URL."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sensor.store import Query

PAGE = 50
Severities = Literal["", "info", "low", "medium", "high", "critical"]
_Text = Annotated[str, Field(max_length=200)]
_Texts = Annotated[list[_Text], Field(max_length=50)]


class Filters(BaseModel):
    """Filters, order and page. Several values of one filter are alternatives; several filters hold all at once."""

    model_config = ConfigDict(extra="forbid")

    q: _Text = Field(default="", description="In the name, host name or vendor of an asset, or its address.")
    level: _Texts = Field(default_factory=list, description="Purdue level of an asset: 0 to 5, 3.5, unknown.")
    zone: _Texts = Field(default_factory=list, description="Zone of an asset.")
    type: _Texts = Field(default_factory=list, description="Type of an asset: plc, hmi, engineering_workstation …")
    vendor: _Text = Field(default="", description="In the vendor's name of an asset.")
    ip: _Text = Field(default="", description="An address, a subnet, a MAC or its beginning.")
    protocol: _Texts = Field(default_factory=list, description="Protocol: modbus, s7comm …")
    intent: _Texts = Field(default_factory=list, description="Intent: read, write, control, program …")
    severity: Severities = Field(default="", description="At least that severe.")
    rule: _Texts = Field(default_factory=list, description="Raised by this detector.")
    status: _Texts = Field(default_factory=list, description="Status of an alert: open, learned, muted, closed.")
    since: _Text = Field(default="", description="Seen at or after that time: 2026-03-02 or 2026-03-02T14:30, in UTC.")
    until: _Text = Field(default="", description="Seen at or before that time.")
    sort: _Text = Field(default="", description="A column; with - before it the largest first.")
    page: int = Field(default=1, ge=1, le=1_000_000, description="Which page of the rows.")
    rows: int = Field(default=PAGE, ge=1, le=500, description="Rows of a page.")

    @field_validator("level", "zone", "type", "protocol", "intent", "rule", "status")
    @classmethod
    def _without_empty(cls, values: list[str]) -> list[str]:
        return [value for value in values if value]

    @field_validator("level")
    @classmethod
    def _levels(cls, values: list[str]) -> list[str]:
        for value in values:
            if value not in LEVELS:
                raise ValueError(f"none of {', '.join(LEVELS)}")
        return values

    @field_validator("since", "until")
    @classmethod
    def _times(cls, value: str) -> str:
        if value:
            _nanoseconds(value)
        return value

    def query(self, *, whole: bool = False) -> Query:
        """As the database takes it; `whole`: all pages."""
        return Query(
            text=self.q or None,
            levels=tuple(self.level),
            zones=tuple(self.zone),
            types=tuple(self.type),
            vendor=self.vendor or None,
            ip=self.ip or None,
            protocols=tuple(self.protocol),
            intents=tuple(self.intent),
            severity=self.severity or None,
            rules=tuple(self.rule),
            statuses=tuple(self.status),
            since=_nanoseconds(self.since),
            until=_nanoseconds(self.until),
            sort=self.sort or None,
            limit=None if whole else self.rows,
            offset=0 if whole else (self.page - 1) * self.rows,
        )


Asked = Annotated[Filters, Parameter()]
LEVELS = ("0", "1", "2", "3", "3.5", "4", "5", "unknown")


def _nanoseconds(text: str) -> int | None:
    """A time as people write it, UTC where it does not say."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(aware.timestamp()) * 1_000_000_000 + aware.microsecond * 1000
    except (ValueError, OverflowError):
        raise ValueError("no time like 2026-03-02 or 2026-03-02T14:30") from None
