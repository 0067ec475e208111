"""The outbox: what is told to others; and alerts are known when they come back."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_BY_RUN = ("contributions", "assets", "merges", "conversations", "operations", "anomalies", "violations", "alerts", "incidents")


def upgrade() -> None:
    """From a database that tells nobody."""
    op.add_column("alerts", _column("thing", TEXT, server_default=""))
    op.create_index("ix_alerts_thing", "alerts", ["thing"])
    for name in _BY_RUN:
        op.create_index(f"ix_{name}_run", name, ["run"])
    _told()
    _outbox()
    _destinations()


def _column(name: str, kind: Any, **options: Any) -> sa.Column[Any]:  # noqa: ANN401  what sqlalchemy takes
    """A column that always has a value."""
    return sa.Column(name, kind, **{"nullable": False} | options)


def _told() -> None:
    op.create_table(
        "told",
        _column("kind", sa.String(32)),
        _column("key", TEXT),
        _column("at", sa.BigInteger()),
        _column("due", sa.BigInteger(), nullable=True),
        _column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_index("ix_told_due", "told", ["due"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        _column("id", NUMBER),
        _column("clock", sa.BigInteger()),
        _column("kind", sa.String(32)),
        _column("severity", sa.SmallInteger()),
        _column("octets", sa.Integer()),
        _column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_least", "outbox", ["severity", "id"])


def _destinations() -> None:
    op.create_table(
        "destinations",
        _column("name", TEXT),
        _column("url", TEXT),
        _column("kinds", TEXT),
        _column("least", sa.SmallInteger()),
        _column("cursor", sa.BigInteger()),
        *(_column(name, sa.BigInteger(), server_default="0") for name in ("sent", "dropped", "failures")),
        *(_column(name, sa.Boolean(), server_default=sa.false()) for name in ("connected", "nudged")),
        _column("error", TEXT, server_default=""),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "refused",
        _column("id", sa.Integer()),
        _column("destination", TEXT),
        _column("number", sa.BigInteger()),
        _column("severity", sa.SmallInteger()),
        _column("kind", sa.String(32)),
        _column("why", TEXT),
        _column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["destination"], ["destinations.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("refused_once", "refused", ["destination", "number"], unique=True)
