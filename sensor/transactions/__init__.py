"""The transaction log: every operation as a row in Parquet files, for forensics. Needs pyarrow, the extra `log`."""

from sensor.transactions.columns import COLUMNS, SCHEMA, Column
from sensor.transactions.log import TransactionLog
from sensor.transactions.query import Question, ask

__all__ = ["COLUMNS", "SCHEMA", "Column", "Question", "TransactionLog", "ask"]
