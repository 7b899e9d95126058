"""Why the storage refuses.

StorageError
├── EmptyWriteError       nothing to write
├── NotUtf8Error          the body is not text
├── LimitExceededError    one more table or column than allowed
├── TableExistsError      create_table of a table that is there
├── TableNotFoundError    drop_table of a table that is not
├── StorageLockedError    another process has the directory open
└── WriteFailedError      the write-ahead log could not be written, for example because the disk is full
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of everything that the storage raises on purpose."""


class EmptyWriteError(StorageError):
    """A write without any line (contract 8.1)."""

    def __init__(self) -> None:
        super().__init__("incoming write was empty")


class NotUtf8Error(StorageError):
    """A write whose body is not UTF-8 (contract 8.1)."""

    def __init__(self, error: UnicodeDecodeError) -> None:
        super().__init__(f"body content is not valid utf8: {_rust_utf8_error(error)}")


class LimitExceededError(StorageError):
    """A table or a column above the limits; the text is the server's (contract 8.1)."""


class TableExistsError(StorageError):
    """The table to create exists (contract 8.2)."""

    def __init__(self) -> None:
        super().__init__("attempted to create a resource that already exists")


class TableNotFoundError(StorageError):
    """The table to drop does not exist."""


class StorageLockedError(StorageError):
    """The data directory is open in another process."""


class WriteFailedError(StorageError):
    """The write-ahead log refused the data; nothing of the write is stored."""


def _rust_utf8_error(error: UnicodeDecodeError) -> str:
    """The decoding error in the words of the server, which is written in Rust."""
    if error.reason == "unexpected end of data":
        return f"incomplete utf-8 byte sequence from index {error.start}"
    return f"invalid utf-8 sequence of {error.end - error.start} bytes from index {error.start}"
