"""Documents inside of documents, as attachments are: read like files, with limits of their own."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from localcollab.documents.parsing.formats import find_format, parser_of
from localcollab.documents.parsing.raw import MOST_ATTACHED, Raw
from localcollab.documents.parsing.section import (
    HEADINGS_JOINED,
    Missing,
    Refused,
    Section,
    Unreadable,
)

_DEEPEST = 4


class Attachment(NamedTuple):
    name: str
    suffix: str
    data: bytes
    unread: str = ""
    """Why it is not to be read."""


def read_attachments(raw: Raw, attached: Iterable[Attachment]) -> Iterator[Section]:
    """Under their names. What is not read is noted with the reason."""
    for each in attached:
        raw.left.n_attached -= 1
        if raw.depth >= _DEEPEST:
            raw.note(f"attached {each.name} was not read (attached {_DEEPEST} deep)")
        elif raw.left.n_attached < 0:
            raw.note(f"attached files beyond {MOST_ATTACHED} were not read")
            return
        else:
            yield from _read(raw, each)


def _read(raw: Raw, attached: Attachment) -> Iterator[Section]:
    inner = Raw(attached.data, attached.suffix, raw.limits, depth=raw.depth + 1, left=raw.left)
    n, why = 0, ""
    try:
        if attached.unread:
            raise Refused(attached.unread)
        for section in parser_of(find_format(inner))(inner):
            if not section.text.strip():
                continue
            page = f"page {section.page}" if section.page is not None else ""
            heading = HEADINGS_JOINED.join(filter(None, (attached.name, page, section.heading)))
            before = f"Attached: {attached.name}\n\n" if not n else ""
            yield Section(f"{before}{section.text.rstrip()}\n\n", heading=heading)
            n += 1
    except (Refused, Unreadable, Missing) as error:
        why = str(error)
    except RecursionError:
        why = "is nested too deeply"
    except MemoryError:
        raise
    except Exception as error:  # as of a file of its own: the others count
        why = f"damaged: its parser failed ({type(error).__name__})"
    if why or not n:
        raw.note(f"attached {attached.name} was not read ({why or 'holds no text'})")
    for note in inner.notes:
        raw.note(f"{attached.name}: {note}")
