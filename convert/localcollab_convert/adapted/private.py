"""Files that hold words of a person's documents: for that person's eyes alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def private_files() -> Iterator[None]:
    """Files get the mode 0600 and folders 0700: all of them hold words of the documents."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
