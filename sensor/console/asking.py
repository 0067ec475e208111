"""What a page or a program asks for, from the parameters of its URL."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from sensor.store import SORTS, Kind, Query

PAGE = 50
_LARGEST = 2**63 - 1
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


_Item = TypeVar("_Item")


def _without_empty(values: list[_Item]) -> list[_Item]:
    """Without the fields of a form that nobody has filled in."""
    return [value for value in values if value != ""]


def _or_none(value: _Item) -> _Item | None:
    return None if value == "" else value


def _is_time(text: str) -> str:
    if text:
        _moment(text)
    return text


def _moment(text: str) -> datetime:
    """A time as people write it; in UTC where it does not say. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("no time like 2026-03-02 or 2026-03-02T14:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_Text = Annotated[str, Field(max_length=200)]
_Texts = Annotated[list[_Text], Field(max_length=50), AfterValidator(_without_empty)]
_Level = Literal["", "0", "1", "2", "3", "3.5", "4", "5", "unknown"]
_Levels = Annotated[list[_Level], Field(max_length=9), AfterValidator(_without_empty)]
_Statuses = Annotated[list[Literal["", "open", "learned", "muted", "closed"]], Field(max_length=5), AfterValidator(_without_empty)]
_Severity = Annotated[Literal["", "info", "low", "medium", "high", "critical"] | None, AfterValidator(_or_none)]
_FORMATS = [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"const": ""}]
_Time = Annotated[str, Field(max_length=40), AfterValidator(_is_time), WithJsonSchema({"anyOf": _FORMATS})]

FILTERS: dict[str, tuple[Any, Any]] = {
    "q": (_Text, Field(default="", description="In the name, host name or vendor of an asset, or its address.")),
    "level": (_Levels, Field(default_factory=list, description="Purdue level of an asset.")),
    "zone": (_Texts, Field(default_factory=list, description="Zone of an asset.")),
    "type": (_Texts, Field(default_factory=list, description="Type of an asset: plc, hmi, engineering_workstation …")),
    "vendor": (_Text, Field(default="", description="In the vendor's name of an asset.")),
    "ip": (_Text, Field(default="", description="An address, a subnet, a MAC or its beginning.")),
    "protocol": (_Texts, Field(default_factory=list, description="Protocol: modbus, s7comm …")),
    "intent": (_Texts, Field(default_factory=list, description="Intent: read, write, control, program …")),
    "severity": (_Severity, Field(default=None, description="At least that severe.")),
    "rule": (_Texts, Field(default_factory=list, description="Raised by this detector.")),
    "status": (_Statuses, Field(default_factory=list, description="What people have said of an alert.")),
    "since": (_Time, Field(default="", description="Seen at or after that time; in UTC where it does not say.")),
    "until": (_Time, Field(default="", description="Seen at or before that time.")),
}
"""By their names."""


class Filters(BaseModel):
    """Order and page; and the filters of one kind, see `filters_of`.

    Several values of one filter are alternatives; several filters hold all at once.
    """

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=1_000_000, description="Which page of the rows.")
    rows: int = Field(default=PAGE, ge=1, le=500, description="Rows of a page.")
    cursor: str = Field(default="", max_length=4000, description="`next` of the answer before: the rows behind it; `page` is nothing then.")

    def query(self, *, whole: bool = False) -> Query:
        """As the database takes it; `whole`: all pages. A cursor that is none is found by the database."""
        asked = self.model_dump()
        return Query(
            text=asked.get("q") or None,
            levels=tuple(asked.get("level", ())),
            zones=tuple(asked.get("zone", ())),
            types=tuple(asked.get("type", ())),
            vendor=asked.get("vendor") or None,
            ip=asked.get("ip") or None,
            protocols=tuple(asked.get("protocol", ())),
            intents=tuple(asked.get("intent", ())),
            severity=asked.get("severity"),
            rules=tuple(asked.get("rule", ())),
            statuses=tuple(asked.get("status", ())),
            since=_nanoseconds(asked.get("since")),
            until=_nanoseconds(asked.get("until")),
            sort=asked.get("sort"),
            limit=None if whole else self.rows,
            offset=0 if whole or self.cursor else (self.page - 1) * self.rows,
            after=None if whole else self.cursor or None,
        )


def filters_of(kind: Kind, names: Iterable[str]) -> type[Filters]:
    """What can be asked of rows of a kind."""
    columns = [name for column in SORTS[kind.name] for name in (column, f"-{column}")]
    order: Any = Annotated[Literal["", *columns] | None, AfterValidator(_or_none)]
    sort = (order, Field(default=None, description="In the order of this; with - before it the largest first."))
    fields: dict[str, Any] = {**{name: FILTERS[name] for name in names}, "sort": sort}
    return create_model(f"{kind.name.capitalize()}Filters", __base__=Filters, **fields)


def _nanoseconds(text: str | None) -> int | None:
    if not text:
        return None
    nanoseconds = (_moment(text) - _BEGINNING) // _MICROSECOND * 1000
    return max(-_LARGEST, min(nanoseconds, _LARGEST))
