"""A mailbox (mbox): one section a message, and one for each document attached to it."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.mail import read_message
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section, Unreadable

_FROM = re.compile(rb"^From .*\r?\n", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def parse(raw: Raw) -> Iterator[Section]:
    starts = [
        match for match in _FROM.finditer(raw.data) if _is_after_blank(raw.data, match.start())
    ]
    if not starts and raw.data.strip():
        raise Unreadable("is named a mailbox, but no message begins in it")
    ends = [match.start() for match in starts[1:]] + [len(raw.data)]
    for match, end in zip(starts, ends, strict=True):
        yield from read_message(raw, _QUOTED_FROM.sub(rb"\1", raw.data[match.end() : end]))


def _is_after_blank(data: bytes, start: int) -> bool:
    return start == 0 or data[max(0, start - 3) : start].endswith((b"\n\n", b"\n\r\n"))
