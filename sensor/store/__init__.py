"""What is kept: databases of everything that was concluded, over many runs. The only importer of sqlalchemy."""

from sensor.store.accounts import Accounts, Person, Role, Session, Token
from sensor.store.deliveries import ExportState, Outbox
from sensor.store.encoding import encode
from sensor.store.explanation import Explanation
from sensor.store.kinds import ALERTS, ANOMALIES, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, VIOLATIONS, Kind
from sensor.store.outbox import Bounds
from sensor.store.overview import Overview, Span
from sensor.store.paging import SORTS
from sensor.store.people import STATUSES
from sensor.store.queries import Answer, Query
from sensor.store.retain import Retained
from sensor.store.run import Run, run_of
from sensor.store.store import Saved, Store
from sensor.store.traffic import StoredDeal, Traffic

__all__ = [
    "ALERTS",
    "ANOMALIES",
    "ASSETS",
    "CONVERSATIONS",
    "INCIDENTS",
    "OPERATIONS",
    "SORTS",
    "STATUSES",
    "VIOLATIONS",
    "Accounts",
    "Answer",
    "Bounds",
    "Explanation",
    "ExportState",
    "Kind",
    "Outbox",
    "Overview",
    "Person",
    "Query",
    "Retained",
    "Role",
    "Run",
    "Saved",
    "Session",
    "Span",
    "Store",
    "StoredDeal",
    "Token",
    "Traffic",
    "encode",
    "run_of",
]
