"""The tables. A row of what was concluded has a key that is the same in every run, columns to ask by, and a body: what is shown of it.

run: the run that wrote the row last. shared: other runs saw the thing as well; what each of them said is in `contributions`.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from sensor.store.encoding import restored, storable


class Wire(TypeDecorator[str]):
    """Text from the wire, whatever it holds; both databases sort it by its octets."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL's text sorts by the locale of its server else."""
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Python to database."""
        del dialect
        return None if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Database to Python."""
        del dialect
        return None if value is None else restored(value)


def words(names: list[str]) -> str:
    """Names between spaces."""
    return f" {' '.join(names)} " if names else ""


class Words(TypeDecorator[list[str]]):
    """Names that hold no space, between spaces, so that one can be looked for."""

    impl = Wire
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        """Python to database."""
        del dialect
        return words(value or [])

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        """Database to Python."""
        del dialect
        return (value or "").split()


metadata = MetaData()


def _concluded(name: str, *columns: Column[Any]) -> Table:
    """A table of what was concluded."""
    return Table(
        name,
        metadata,
        Column("key", Wire, primary_key=True),
        Column("run", ForeignKey("runs.id"), nullable=False, index=True),
        Column("shared", Boolean, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        *columns,
        Column("body", LargeBinary, nullable=False),
    )


def _ends(one: str, other: str) -> tuple[Column[Any], ...]:
    """Two assets, where they are known, and their addresses."""
    assets = (Column(f"{one}_asset", Wire), Column(f"{other}_asset", Wire))
    return (*assets, Column(f"{one}_key", LargeBinary, nullable=False), Column(f"{other}_key", LargeBinary, nullable=False))


meta = Table("meta", metadata, Column("name", Wire, primary_key=True), Column("value", Wire, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Wire, nullable=False, unique=True),
    Column("parts", Words, nullable=False),  # fingerprints of the captures
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("body", LargeBinary, nullable=False),
)

contributions = Table(
    "contributions",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", Wire, primary_key=True),
    Column("run", ForeignKey("runs.id"), primary_key=True, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

assets = _concluded(
    "assets",
    Column("name", Wire, nullable=False),
    Column("type", Wire, nullable=False),
    Column("level", Float),
    Column("zone", Wire),
    Column("vendor", Wire),
    Column("hostname", Wire),
    Column("parent", Wire),
    Column("protocols", Words, nullable=False),
    Column("address_key", LargeBinary, nullable=False),
)

addresses = Table(
    "addresses",
    metadata,
    Column("address_key", LargeBinary, primary_key=True),
    Column("asset", ForeignKey("assets.key", ondelete="CASCADE"), primary_key=True, index=True),
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("asset", Wire, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),  # in capture time
    Column("what", Wire, nullable=False),
    Column("old", Wire),
    Column("new", Wire),
    Column("because", Wire),
)

merges = _concluded("merges", Column("asset", Wire, nullable=False, index=True))

conversations = _concluded(
    "conversations",
    *_ends("client", "server"),
    Column("protocol", Wire),
    Column("port", Integer),
    Column("packets", BigInteger, nullable=False),
    Column("octets", BigInteger, nullable=False),
)

operations = _concluded(
    "operations",
    Column("conversation", Wire, nullable=False, index=True),
    Column("protocol", Wire, nullable=False),
    Column("intent", Wire, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
)

anomalies = _concluded(
    "anomalies",
    Column("conversation", Wire, index=True),
    Column("protocol", Wire, nullable=False),
    Column("count", BigInteger, nullable=False),
)

violations = _concluded(
    "violations",
    *_ends("source", "target"),
    Column("rule", Wire, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("protocol", Wire),
    Column("intent", Wire),
    Column("count", BigInteger, nullable=False),
)

alerts = _concluded(
    "alerts",
    *_ends("source", "target"),
    Column("rule", Wire, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("protocol", Wire),
    Column("count", BigInteger, nullable=False),
    Column("thing", Wire, nullable=False, server_default="", index=True),
    # What people have said of it: a save leaves it alone.
    Column("status", String(16), nullable=False, server_default="open"),
    Column("assignee", Wire),
    Column("touched", Boolean, nullable=False, server_default=false()),
    Column("closed_last", BigInteger),  # when it had happened last when it was closed
)

incidents = _concluded(
    "incidents",
    Column("severity", SmallInteger, nullable=False),
    Column("actor", Wire),
    Column("alerts", Words, nullable=False),
)

baseline = Table("baseline", metadata, Column("name", Wire, primary_key=True), Column("body", LargeBinary, nullable=False))

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),  # what people do is the one thing that has the time of the wall clock
    Column("who", Wire, nullable=False),
    Column("what", Wire, nullable=False),
    Column("subject", Wire, nullable=False),
    Column("comment", Wire, nullable=False),
)
Index("audit_subject", audit.c.subject)

told = Table(
    "told",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", Wire, primary_key=True),
    Column("at", BigInteger, nullable=False),  # in capture time: the last of what was told
    Column("due", BigInteger, index=True),  # in capture time: when what has changed since is told
    Column("body", LargeBinary, nullable=False),  # what later changes are measured against
)
"""What was told of things, and when."""

outbox = Table(
    "outbox",
    metadata,
    # No number is ever given twice: the cursors count on it.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("clock", BigInteger, nullable=False),  # seconds by the outbox's own clock
    Column("kind", String(32), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("octets", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("outbox_least", "severity", "id"),
    sqlite_autoincrement=True,
)

destinations = Table(
    "destinations",
    metadata,
    Column("name", Wire, primary_key=True),
    Column("url", Wire, nullable=False),
    Column("kinds", Words, nullable=False),
    Column("least", SmallInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),  # all events up to it have arrived, or were given up
    Column("sent", BigInteger, nullable=False, server_default="0"),
    Column("dropped", BigInteger, nullable=False, server_default="0"),
    Column("failures", BigInteger, nullable=False, server_default="0"),
    Column("connected", Boolean, nullable=False, server_default=false()),
    Column("error", Wire, nullable=False, server_default=""),
    Column("nudged", Boolean, nullable=False, server_default=false()),  # somebody asked to try now, and once more what was refused
)

refused = Table(
    "refused",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("destination", ForeignKey("destinations.name", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),  # that it had in the outbox
    Column("severity", SmallInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("why", Wire, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("refused_once", "destination", "number", unique=True),
)
"""Events that a destination will not take, kept until somebody has put right why."""
