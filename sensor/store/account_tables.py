"""The tables of who may use the console."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table, false

from sensor.store.tables import Wire, metadata

persons = Table(
    "persons",
    metadata,
    Column("name", Wire, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", Wire, nullable=False),  # a hash; "" where a directory vouches for them
    Column("must_change", Boolean, nullable=False, server_default=false()),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created", BigInteger, nullable=False),  # seconds, as all times of what people do here
    Column("last", BigInteger),
)
"""Who may use the console."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # a digest of the secret
    Column("person", ForeignKey("persons.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),  # a digest of the secret
    Column("name", Wire, nullable=False),
    Column("role", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("last", BigInteger),
)
"""What lets programs in."""
