"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From an empty database."""
    _people()
    _runs()
    _assets()
    _observed()
    _found()


def _column(name: str, kind: Any = TEXT, **options: Any) -> sa.Column[Any]:  # noqa: ANN401  what sqlalchemy takes
    """A column that always has a value."""
    return sa.Column(name, kind, **{"nullable": False} | options)


def _concluded(name: str, *columns: sa.Column[Any]) -> None:
    """A table of what was concluded."""
    op.create_table(
        name,
        _column("key"),
        _column("run", sa.Integer()),
        _column("shared", sa.Boolean()),
        _column("digest", sa.LargeBinary()),
        _column("first", sa.BigInteger()),
        _column("last", sa.BigInteger()),
        *columns,
        _column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["run"], ["runs.id"]),
        sa.PrimaryKeyConstraint("key"),
    )


def _ends(one: str, other: str) -> tuple[sa.Column[Any], ...]:
    """Two assets and their addresses."""
    assets = (_column(f"{one}_asset", nullable=True), _column(f"{other}_asset", nullable=True))
    return (*assets, _column(f"{one}_key", sa.LargeBinary()), _column(f"{other}_key", sa.LargeBinary()))


def _people() -> None:
    """What people say, and what the database says of itself."""
    op.create_table("meta", _column("name"), _column("value"), sa.PrimaryKeyConstraint("name"))
    op.create_table("baseline", _column("name"), _column("body", sa.LargeBinary()), sa.PrimaryKeyConstraint("name"))
    op.create_table(
        "audit",
        _column("id", sa.Integer()),
        _column("at", sa.BigInteger()),
        *map(_column, ("who", "what", "subject", "comment")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_subject", "audit", ["subject"])


def _runs() -> None:
    """Recordings, and what each said of what several saw."""
    op.create_table(
        "runs",
        _column("id", sa.Integer()),
        _column("name"),
        _column("parts"),
        _column("first", sa.BigInteger(), nullable=True),
        _column("last", sa.BigInteger(), nullable=True),
        _column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "contributions",
        _column("kind", sa.String(32)),
        _column("key"),
        _column("run", sa.Integer()),
        _column("digest", sa.LargeBinary()),
        _column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["run"], ["runs.id"]),
        sa.PrimaryKeyConstraint("kind", "key", "run"),
    )


def _assets() -> None:
    """Assets, how they are found, how they changed."""
    _concluded(
        "assets",
        _column("name"),
        _column("type"),
        _column("level", sa.Float(), nullable=True),
        *(_column(name, nullable=True) for name in ("zone", "vendor", "hostname", "parent")),
        _column("protocols"),
        _column("address_key", sa.LargeBinary()),
    )
    op.create_table(
        "addresses",
        _column("address_key", sa.LargeBinary()),
        _column("asset"),
        sa.ForeignKeyConstraint(["asset"], ["assets.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("address_key", "asset"),
    )
    op.create_index("ix_addresses_asset", "addresses", ["asset"])
    op.create_table(
        "history",
        _column("id", sa.Integer()),
        _column("asset"),
        _column("at", sa.BigInteger()),
        _column("what"),
        *(_column(name, nullable=True) for name in ("old", "new", "because")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_history_asset", "history", ["asset"])
    _concluded("merges", _column("asset"))
    op.create_index("ix_merges_asset", "merges", ["asset"])


def _observed() -> None:
    """Who talks to whom, and what they do."""
    _concluded(
        "conversations",
        *_ends("client", "server"),
        _column("protocol", nullable=True),
        _column("port", sa.Integer(), nullable=True),
        _column("packets", sa.BigInteger()),
        _column("octets", sa.BigInteger()),
    )
    _concluded(
        "operations",
        *map(_column, ("conversation", "protocol", "intent")),
        _column("requests", sa.BigInteger()),
        _column("errors", sa.BigInteger()),
    )
    op.create_index("ix_operations_conversation", "operations", ["conversation"])
    _concluded("anomalies", _column("conversation", nullable=True), _column("protocol"), _column("count", sa.BigInteger()))
    op.create_index("ix_anomalies_conversation", "anomalies", ["conversation"])


def _found() -> None:
    """What is wrong."""
    finding = ("rule", TEXT, False), ("severity", sa.SmallInteger(), False), ("protocol", TEXT, True)
    _concluded(
        "violations",
        *_ends("source", "target"),
        *(_column(name, kind, nullable=nullable) for name, kind, nullable in finding),
        _column("intent", nullable=True),
        _column("count", sa.BigInteger()),
    )
    _concluded(
        "alerts",
        *_ends("source", "target"),
        *(_column(name, kind, nullable=nullable) for name, kind, nullable in finding),
        _column("count", sa.BigInteger()),
        _column("status", sa.String(16), server_default="open"),
        _column("assignee", nullable=True),
        _column("touched", sa.Boolean(), server_default=sa.false()),
        _column("closed_last", sa.BigInteger(), nullable=True),
    )
    _concluded("incidents", _column("severity", sa.SmallInteger()), _column("actor", nullable=True), _column("alerts"))
