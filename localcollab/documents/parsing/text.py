"""Plain text, and whatever else is text: one section."""

from collections.abc import Iterator

from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section


def parse(raw: Raw) -> Iterator[Section]:
    yield Section(decode(raw))
