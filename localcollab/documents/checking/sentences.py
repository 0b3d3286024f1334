"""Where the sentences of a text begin and end; items of lists and rows of tables count as
sentences."""

import re
from collections.abc import Iterator

_END = re.compile(
    r"[.!?。！？]+[\"'”’)\]]*(?=\s|$)|[。！？]|\n\s*(?=\n|[-*•#|]|\d+[.)]\s|[^\n:.]{1,40}:\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|approx|ca|cf|p|pp|Inc|Ltd|"
    r"Co|Corp|Jr|Sr|Gen|Col|Capt|Lt|Sgt|Rev|"
    r"Hon|Gov|Sen|Rep|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Art|Abs|Nr|Str|"
    r"bzw|usw|Sra|Dra|Mme|Mlle|Sig|Vol|Mt|Ft)"
    r"|\b[A-Z])\.$"
)
_GOES_ON = re.compile(r"[ \t]+[^\W\d_A-Z]")
_DAY = re.compile(r"\S[ \t]\d{1,2}\.$")
_NEW_SENTENCE = re.compile(
    r"\s+(?:The|A|An|It|He|She|They|We|You|I|This|That|These|In|On|At|For|If|However|"
    r"But|And|Der|Die|Das|Ein|Eine|Er|Sie|Es|"
    r"Wir|Ich|El|La|Los|Las|Un|Una|Le|Les|Il|Elle|Lo|Gli)\b"
)
"""A number with a point inside a line is an ordinal ("am 3. März"), unless a sentence surely
begins behind it."""


_TITLE = re.compile(r"#{0,6}[ \t]*([^\n.!?:;,|]{1,60})\n\s*(?=\S)")
_WORD = re.compile(r"\w+")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans without surrounding white space; list items and table rows count as sentences."""
    start = 0
    for found in _END.finditer(text):
        end = found.end()
        if found[0] == "." and _is_inside(text, start, end):
            continue
        yield from _trimmed(text, start, end)
        start = end
    yield from _trimmed(text, start, len(text))


def _is_inside(text: str, start: int, end: int) -> bool:
    """Whether the point before `end` ends no sentence."""
    goes_on = _GOES_ON.match(text, end)
    if goes_on is not None and goes_on[0][-1].islower():
        return True
    if _DAY.search(text, max(start, end - 5), end) and not _NEW_SENTENCE.match(text, end):
        return True
    return bool(_ABBREVIATION.search(text, max(start, end - 8), end))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end = start + len(part.strip())
    if end > start:
        yield from _title_apart(text, start, end)


def _title_apart(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A title on a line of its own restricts nothing where the sentence below it names all it names."""
    title = _TITLE.match(text, start, end)
    if title and not text[title.end()].islower():
        below = set(_WORD.findall(text[title.end() : end].casefold()))
        if below.issuperset(_WORD.findall(title[1].casefold())):
            yield start, title.end(1)
            start = title.end()
    yield start, end
