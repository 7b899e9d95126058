"""Errors that the storage raises.

StorageError
├── EmptyWriteError       the write has no line
├── NotUtf8Error          the body is not UTF-8
├── LimitExceededError    one more table or column than allowed
├── TableExistsError      create_table: the table exists
├── TableNotFoundError    drop_table: the table does not exist
├── StorageLockedError    another process has the directory open
└── WriteFailedError      the write-ahead log cannot be written, for example because the disk is full
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of the errors that the storage raises on purpose."""


class EmptyWriteError(StorageError):
    """The write has no line (contract 8.1)."""

    def __init__(self) -> None:
        super().__init__("incoming write was empty")


class NotUtf8Error(StorageError):
    """The body of a write is not UTF-8 (contract 8.1)."""

    def __init__(self, error: UnicodeDecodeError) -> None:
        super().__init__(f"body content is not valid utf8: {_rust_utf8_error(error)}")


class LimitExceededError(StorageError):
    """One more table or column than allowed. The text is that of a real server (contract 8.1)."""


class TableExistsError(StorageError):
    """The table to create exists (contract 8.2)."""

    def __init__(self) -> None:
        super().__init__("attempted to create a resource that already exists")


class TableNotFoundError(StorageError):
    """The table to drop does not exist."""


class StorageLockedError(StorageError):
    """The data directory is open in another process."""


class WriteFailedError(StorageError):
    """The write-ahead log cannot be written. Nothing of the write is stored."""


def _rust_utf8_error(error: UnicodeDecodeError) -> str:
    """Word a decoding error as Rust does, since a real server is written in Rust."""
    if error.reason == "unexpected end of data":
        return f"incomplete utf-8 byte sequence from index {error.start}"
    return f"invalid utf-8 sequence of {error.end - error.start} bytes from index {error.start}"
