"""Whether a stored document still is what reading its file again would give, without opening it."""

import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from localcollab.documents.parsing import formats
from localcollab.documents.store.store import Stored

SECONDS_SETTLED = 2.0
"""A file touched less than this before it was looked at may change again under the same times."""


def full_stamp(format_: str, stamp: str) -> str:
    """Of a file and of what reads its format; empty, which equals none, while it may change."""
    changed_ns = int(stamp.split()[2])
    if time.time() - changed_ns / 1e9 < SECONDS_SETTLED:
        return f"{_reader(format_)} "
    return f"{_reader(format_)} {stamp}"


def is_current(stored: Stored, stamp: str) -> bool:
    return stored.stamp == f"{_reader(stored.format)} {stamp}"


def is_same_reader(stored: Stored) -> bool:
    """Whether the same bytes would be read as the same text."""
    return stored.stamp.startswith(f"{_reader(stored.format)} ")


@cache
def _reader(format_: str) -> str:
    if format_ != "pdf":
        return f"{formats.VERSION}"
    try:
        return f"{formats.VERSION}/pypdf-{version('pypdf')}"
    except PackageNotFoundError:
        return f"{formats.VERSION}/no-pypdf"
