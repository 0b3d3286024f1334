"""Token records <-> one compact blob: columns as JSON, deflated.

Probabilities are kept in millionths, so that what is stored, exported and imported is equal.
"""

import json
import zlib
from collections.abc import Iterable, Sequence

from localcollab.errors import BadHistory
from localcollab.events import Token

_MILLION = 1_000_000


def pack(tokens: Sequence[Token], unshown: Sequence[int] = ()) -> bytes:
    """`unshown`: ids written after the last record that show no text (a stop string's)."""
    authors = list(dict.fromkeys(token.author for token in tokens))
    columns = {
        "ids": [token.id for token in tokens],
        "texts": [token.text for token in tokens],
        "authors": authors,
        "author": [authors.index(token.author) for token in tokens],
        "p": [_millionths(token.probability) for token in tokens],
        "p_defer": [
            None if token.p_defer is None else _millionths(token.p_defer) for token in tokens
        ],
        "unsure": [n for n, token in enumerate(tokens) if token.unsure],
        "unshown": list(unshown),
    }
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode())


def unpack(blobs: Iterable[bytes]) -> tuple[tuple[Token, ...], tuple[int, ...]]:
    """The records and the unshown ids of one answer, saved in parts. Raises `BadHistory`."""
    tokens: list[Token] = []
    unshown: list[int] = []
    for blob in blobs:
        columns = _columns(blob)
        unsure = set(columns["unsure"])
        rows = zip(
            columns["ids"], columns["texts"], columns["author"], columns["p"], columns["p_defer"],
            strict=True,
        )  # fmt: skip
        for n, (id_, text, author, p, p_defer) in enumerate(rows):
            asked = None if p_defer is None else p_defer / _MILLION
            name = columns["authors"][author]
            tokens.append(Token(id_, text, name, p / _MILLION, asked, n in unsure))
        unshown += columns["unshown"]
    return tuple(tokens), tuple(unshown)


def unpack_ids(blobs: Iterable[bytes]) -> tuple[int, ...]:
    """All ids as they were generated. Raises `BadHistory`."""
    parts = [_columns(blob) for blob in blobs]
    return tuple(id_ for part in parts for id_ in [*part["ids"], *part["unshown"]])


def rounded(token: Token) -> Token:
    """As it is stored."""
    return unpack([pack([token])])[0][0]


def _millionths(p: float) -> int:
    if not -1e-3 <= p <= 1 + 1e-3:
        raise BadHistory(f"a token has the probability {p}, which is none: use another model file")
    return round(min(max(p, 0.0), 1.0) * _MILLION)


def _columns(blob: bytes) -> dict[str, list]:  # type: ignore[type-arg]
    try:
        columns: dict[str, list] = json.loads(zlib.decompress(blob))  # type: ignore[type-arg]
    except (zlib.error, ValueError) as error:
        raise BadHistory(
            f"the token records of an answer are damaged ({error}): restore a backup of the history"
        ) from error
    return columns
