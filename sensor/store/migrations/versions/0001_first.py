"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From an empty database."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("comment", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "baseline",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("old", TEXT, nullable=True),
        sa.Column("new", TEXT, nullable=True),
        sa.Column("because", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_history_asset"), "history", ["asset"], unique=False)
    op.create_table(
        "meta", sa.Column("name", TEXT, nullable=False), sa.Column("value", TEXT, nullable=False), sa.PrimaryKeyConstraint("name")
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("parts", TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "alerts",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("source_asset", TEXT, nullable=True),
        sa.Column("target_asset", TEXT, nullable=True),
        sa.Column("source_key", sa.LargeBinary(), nullable=False),
        sa.Column("target_key", sa.LargeBinary(), nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("protocol", TEXT, nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("assignee", TEXT, nullable=True),
        sa.Column("touched", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("closed_last", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "anomalies",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("conversation", TEXT, nullable=True),
        sa.Column("protocol", TEXT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_anomalies_conversation"), "anomalies", ["conversation"], unique=False)
    op.create_table(
        "assets",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("zone", TEXT, nullable=True),
        sa.Column("vendor", TEXT, nullable=True),
        sa.Column("hostname", TEXT, nullable=True),
        sa.Column("parent", TEXT, nullable=True),
        sa.Column("protocols", TEXT, nullable=False),
        sa.Column("address_key", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "contributions",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("kind", "key", "run"),
    )
    op.create_table(
        "conversations",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("client_asset", TEXT, nullable=True),
        sa.Column("server_asset", TEXT, nullable=True),
        sa.Column("client_key", sa.LargeBinary(), nullable=False),
        sa.Column("server_key", sa.LargeBinary(), nullable=False),
        sa.Column("protocol", TEXT, nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "incidents",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("alerts", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "merges",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_merges_asset"), "merges", ["asset"], unique=False)
    op.create_table(
        "operations",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("protocol", TEXT, nullable=False),
        sa.Column("intent", TEXT, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_operations_conversation"), "operations", ["conversation"], unique=False)
    op.create_table(
        "violations",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("source_asset", TEXT, nullable=True),
        sa.Column("target_asset", TEXT, nullable=True),
        sa.Column("source_key", sa.LargeBinary(), nullable=False),
        sa.Column("target_key", sa.LargeBinary(), nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("protocol", TEXT, nullable=True),
        sa.Column("intent", TEXT, nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "addresses",
        sa.Column("address_key", sa.LargeBinary(), nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["assets.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("address_key", "asset"),
    )
    op.create_index(op.f("ix_addresses_asset"), "addresses", ["asset"], unique=False)
