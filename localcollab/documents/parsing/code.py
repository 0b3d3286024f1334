"""Source code: cut at definitions that stand at the margin, in whichever language."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.headed import Heading, cut
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section

_DEFINITION = re.compile(
    r"^(?:(?:export|default|pub(?:\(\w+\))?|public|private|protected|static|final|abstract|async"
    r"|unsafe|inline|extern|virtual|const)\s+){0,4}"
    r"(?:class|def|func|fn|function|interface|struct|enum|impl|trait|module|namespace|type|record)"
    r"\s+[^\n]{1,100}",
    re.MULTILINE,
)


def parse(raw: Raw) -> Iterator[Section]:
    text = decode(raw)
    found = _DEFINITION.finditer(text)
    # The definition's line is its own body: a one-line function is a section.
    yield from cut(text, (Heading(m.start(), m.start(), 1, m[0].rstrip(" :{(")) for m in found))
