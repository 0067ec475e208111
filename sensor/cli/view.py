"""The replay document as tables for people. Every text of the wire goes in as Text, never as markup."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sensor.cli import words
from sensor.cli.health import Weight, is_one_way, remarks
from sensor.cli.operations import INTENTS, Deed, deeds
from sensor.replay import meaning
from sensor.rows import ConversationRow, Document, FactRow

_UNBOUNDED_COLUMNS = 100_000
"""Where the output is no terminal, each row stays on its line, for grep and less -S."""
_MARKS = {Weight.GOOD: Text("✓ ", "green"), Weight.NOTE: Text("· ", "cyan"), Weight.LOSS: Text("! ", "bold yellow")}

type _Cell = str | Text
