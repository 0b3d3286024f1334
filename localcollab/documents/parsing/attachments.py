"""Documents inside of documents, as attachments are: read like files, with limits of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from localcollab.documents.parsing.formats import find_format, parser_of
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import (
    HEADINGS_JOINED,
    Missing,
    Refused,
    Section,
    Unreadable,
)

_DEEPEST = 4
_MOST = 200


class Attachment(NamedTuple):
    name: str
    suffix: str
    data: bytes
    unread: str = ""
    """Why it is not to be read."""


@dataclass(slots=True)
class Budget:
    """Of one file, all that is inside of what is inside included."""

    n_left: int = _MOST


def read_attachments(raw: Raw, attached: Iterable[Attachment], budget: Budget) -> Iterator[Section]:
    """Under their names. What is not read is noted with the reason."""
    for each in attached:
        budget.n_left -= 1
        if raw.depth >= _DEEPEST:
            raw.note(f"attached {each.name} was not read (attached {_DEEPEST} deep)")
        elif budget.n_left < 0:
            raw.note(f"attached files beyond {_MOST} were not read")
            return
        else:
            yield from _read(raw, each, budget)


def _read(raw: Raw, attached: Attachment, budget: Budget) -> Iterator[Section]:
    inner = Raw(attached.data, attached.suffix, raw.limits, depth=raw.depth + 1)
    n, why = 0, ""
    try:
        if attached.unread:
            raise Refused(attached.unread)
        for section in _sections(inner, budget):
            if not section.text.strip():
                continue
            page = f"page {section.page}" if section.page is not None else ""
            heading = HEADINGS_JOINED.join(filter(None, (attached.name, page, section.heading)))
            before = f"Attached: {attached.name}\n\n" if not n else ""
            yield Section(before + section.text, heading=heading)
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


def _sections(inner: Raw, budget: Budget) -> Iterator[Section]:
    format_ = find_format(inner)
    if format_ == "mail":
        from localcollab.documents.parsing.mail import read_message

        yield from read_message(inner, inner.data, budget)
    else:
        yield from parser_of(format_)(inner)
