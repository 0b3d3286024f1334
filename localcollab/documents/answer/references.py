"""Where words of a document stand: what a chat's history keeps in place of the words.

`«papers/12:30-66»` is characters of the document that passage 12 belongs to, `«papers/12»` that
passage's heading. Whoever shows a kept line looks there. A document that changed has new passages,
so that a place is right or gone.
"""

import re

from localcollab.errors import LocalcollabError

_PLACE = re.compile(
    r"«(?P<collection>[\w.-]{1,64})/(?P<passage>\d{1,18})(?::(?P<start>\d{1,18})-(?P<end>\d{1,18}))?»",
    re.ASCII,
)


def heading_at(collection: str, passage: int) -> str:
    return f"«{collection}/{passage}»"


def characters_at(collection: str, passage: int, start: int, end: int) -> str:
    return f"«{collection}/{passage}:{start}-{end}»"


def resolve(line: str) -> str:
    """The line with the words of its places; a place that is gone stays, and says so."""
    return _PLACE.sub(_words_at, line)


def _words_at(place: re.Match[str]) -> str:
    # Imported here, because most lines have no place in them, and a chat starts with many lines.
    from localcollab.documents.collection import open_collection
    from localcollab.documents.format import one_line

    try:
        with open_collection(place["collection"]) as collection:
            passage = collection.passage(int(place["passage"]))
            if place["start"] is None:
                return one_line(passage.heading)
            text = "".join(each.text for each in collection.passages(passage.document))
            return one_line(text[int(place["start"]) : int(place["end"])])
    except LocalcollabError:
        return f"{place[0]}, no longer there,"
