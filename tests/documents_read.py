"""A document of a test as the parsers read it, in this process."""

from localcollab.documents.parsing.formats import find_format, parser_of
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section


def read(
    data: bytes | str, suffix: str, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[Section], list[str]]:
    """Its sections and the notes."""
    raw = Raw(data.encode() if isinstance(data, str) else data, suffix, limits)
    return list(parser_of(find_format(raw))(raw)), raw.notes


def text_of(data: bytes | str, suffix: str) -> str:
    return "".join(section.text for section in read(data, suffix)[0])


def lines_of(data: bytes | str, suffix: str) -> list[str]:
    """Those with something on them."""
    return [line for line in text_of(data, suffix).splitlines() if line.strip()]
