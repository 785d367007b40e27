# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can go wrong, as exceptions. All are an Error; each is also the exception of
Python's own that says the same."""

import errno
import warnings as _warnings


class Error(Exception):
    """Anything that tracecmd could not do; str() says what, on which file, and why."""


class FileError(Error, OSError):
    """A file cannot be opened or read; errno says why."""

    def __str__(self) -> str:
        return self.strerror


class FileNotThereError(FileError, FileNotFoundError):
    """There is no such file."""


class FileFormatError(Error, ValueError):
    """A file is no trace, or one that cannot be read."""


class SelectionError(Error, ValueError):
    """What was asked for does not exist, or makes no sense; names what was meant, if that can be guessed."""


class FieldError(Error, LookupError):
    """A field has no such value."""


class RecordError(Error, RuntimeError):
    """Recording failed; str() is what the recorder said."""


class UserEventError(Error, OSError):
    """A user event cannot be registered or written; errno says why."""

    __str__ = FileError.__str__


class TraceWarning(UserWarning):
    """Something was wrong with a file and did not stop the work: damage that was passed over, a file that is cut."""


def warn(text: str) -> None:
    _warnings.warn(text, TraceWarning, stacklevel=3)


def make(code: int, text: str, doing: str) -> Exception:
    """The exception for a negative errno of the library. @doing: "open", "select", "read" or "register"."""
    if code == -errno.ENOMEM:
        return MemoryError(text)
    if doing == "register":
        return UserEventError(-code, text) if code != -errno.EINVAL else SelectionError(text)
    if code in (-errno.EBADMSG, -errno.ENOTSUP) and doing != "select":
        return FileFormatError(text)
    if doing == "select" and code in (-errno.EINVAL, -errno.ENOENT, -errno.ENOTSUP, -errno.EBUSY):
        return SelectionError(text)
    if code == -errno.ENOENT:
        return FileNotThereError(-code, text)
    return FileError(-code, text)
