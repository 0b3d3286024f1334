"""Files that hold words of a person's documents: for that person's eyes alone."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def private_files() -> Iterator[None]:
    """Files get the mode 0600 and folders 0700: all of them hold words of the documents."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def as_chats(pairs: Sequence[tuple[str, str]]) -> str:
    """As `convert head` reads them."""
    records = (
        {
            "messages": [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": answer},
            ]
        }
        for prompt, answer in pairs
    )
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
