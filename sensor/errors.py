"""What can go wrong, for those who use the package.

OtoscopeError
├── BaselineError   a baseline file that cannot be read
├── CaptureError    a capture that cannot be opened or read
├── DeliveryError   a destination that did not take what was sent to it
│   └── RefusedError    and will never take one of them
├── EvidenceError   evidence that cannot be read, written or shown
├── ListenError     an address that cannot be listened at
├── SettingsError   settings that cannot be read, or are wrong
├── SiteError       a site file that cannot be read
├── StoreError      a database that cannot be opened, read or written
│   ├── AskedError      what is asked of it does not exist, or makes no sense
│   │   └── CursorError     to go on behind a row of another question
│   └── UnreadyStoreError   but will be once somebody opens it to write
└── TransactionsError   a transaction log that cannot be written or read
"""


class OtoscopeError(Exception):
    """Any error that this package raises on purpose. Its text says what is wrong and what to do."""


class CaptureError(OtoscopeError):
    """A capture that cannot be opened or read.

    path: the capture as it was given, "-" for standard input.
    reason: what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{'standard input' if path == '-' else path}: {reason}")
        self.path = path
        self.reason = reason


class BaselineError(OtoscopeError):
    """A baseline file that cannot be read, or is none."""


class EvidenceError(OtoscopeError):
    """Evidence that cannot be read, written or shown."""


class ListenError(OtoscopeError):
    """An address and port at which metrics cannot be served."""


class StoreError(OtoscopeError):
    """A database that cannot be opened, read or written; what was to be written is not, none of it."""


class AskedError(StoreError):
    """What is asked of a database does not exist, or makes no sense: nothing is wrong with the database."""


class CursorError(AskedError):
    """A cursor that is none of an answer to the same question."""


class TransactionsError(OtoscopeError):
    """A transaction log that cannot be written, or not be read."""


class UnreadyStoreError(StoreError):
    """A database that is not there yet, or is of an older version."""


class SiteError(OtoscopeError):
    """A site file that cannot be read: line, key, what is wrong, what to write."""


class SettingsError(OtoscopeError):
    """Settings that cannot be read, or are wrong: where, what is wrong, what to write."""


class DeliveryError(OtoscopeError):
    """A destination that did not take what was sent to it; all of it is to be sent again later.

    wait: seconds that the destination asked to be left alone for.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RefusedError(DeliveryError):
    """A destination that will never take one of the messages.

    index: which one of those that were handed over; those before it have arrived.
    """

    def __init__(self, reason: str, index: int) -> None:
        super().__init__(reason)
        self.index = index
