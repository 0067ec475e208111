"""The console: who may use it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From a database that people ask by the command line only."""
    op.create_table(
        "persons",
        _column("name", TEXT),
        _column("role", sa.String(16)),
        _column("password", TEXT),
        _column("must_change", sa.Boolean(), server_default=sa.false()),
        _column("disabled", sa.Boolean(), server_default=sa.false()),
        _column("created", sa.BigInteger()),
        _column("last", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sessions",
        _column("id", sa.String(64)),
        sa.Column("person", TEXT, sa.ForeignKey("persons.name", ondelete="CASCADE"), nullable=False),
        _column("csrf", sa.String(64)),
        _column("began", sa.BigInteger()),
        _column("seen", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_table(
        "tokens",
        _column("id", sa.String(64)),
        _column("name", TEXT),
        _column("role", sa.String(16)),
        _column("created", sa.BigInteger()),
        _column("expires", sa.BigInteger(), nullable=True),
        _column("last", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _column(name: str, kind: Any, **options: Any) -> sa.Column[Any]:  # noqa: ANN401  what sqlalchemy takes
    """A column that always has a value."""
    return sa.Column(name, kind, **{"nullable": False} | options)
