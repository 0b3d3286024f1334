"""Kinds of damage to an SQLite file: a function of (random generator, bytes) -> bytes each.

Offsets are those of https://www.sqlite.org/fileformat2.html.
"""

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
PAGE = 4096


def anywhere(rng: Rng, data: bytearray) -> None:
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        data[at] ^= 1 << rng.integers(8)


def used_bytes(rng: Rng, data: bytearray) -> None:
    """Most of a small database is empty space."""
    used = np.flatnonzero(np.frombuffer(data, np.uint8))
    for at in rng.choice(used, rng.integers(1, 9)):
        data[at] = rng.integers(256)


def page_headers(rng: Rng, data: bytearray) -> None:
    for page in rng.integers(0, len(data) // PAGE, rng.integers(1, 4)):
        at = page * PAGE + (100 if page == 0 else 0) + rng.integers(12)
        data[at] = rng.choice([0, 1, 2, 5, 10, 13, 127, 255])


def cell_pointers(rng: Rng, data: bytearray) -> None:
    page = int(rng.integers(1, len(data) // PAGE)) * PAGE
    at = page + 8 + 2 * int(rng.integers(0, 6))
    data[at : at + 2] = int(rng.integers(0, 2**16)).to_bytes(2, "big")


def record_headers(rng: Rng, data: bytearray) -> None:
    """The first bytes of a cell: its length, its row's id, the types of its columns."""
    page = int(rng.integers(1, len(data) // PAGE)) * PAGE
    n_cells = int.from_bytes(data[page + 3 : page + 5], "big")
    place = page + 8 + 2 * int(rng.integers(0, max(n_cells, 1)))
    cell = page + int.from_bytes(data[place : place + 2], "big") + int(rng.integers(0, 16))
    if cell < len(data):
        data[cell] = rng.choice([0, 1, 7, 8, 9, 10, 12, 13, 127, 128, 255])


def file_header(rng: Rng, data: bytearray) -> None:
    at = int(rng.integers(16, 100))
    data[at] = rng.integers(256)


def text_encoding(rng: Rng, data: bytearray) -> None:
    data[56:60] = int(rng.integers(0, 5)).to_bytes(4, "big")


def texts(rng: Rng, data: bytearray) -> None:
    """Bytes that are not UTF-8 where letters were."""
    letters = np.flatnonzero(np.isin(np.frombuffer(data, np.uint8), [*b"abcdeghiostw"]))
    for at in rng.choice(letters, rng.integers(1, 30)):
        data[at] = rng.choice([0x80, 0xC3, 0xED, 0xF8, 0xFF, 0x00])


def freelist(rng: Rng, data: bytearray) -> None:
    data[32:36] = int(rng.integers(0, 1 + len(data) // PAGE)).to_bytes(4, "big")
    data[36:40] = int(rng.integers(0, 99)).to_bytes(4, "big")


def schema_rows(rng: Rng, data: bytearray) -> None:
    used = [at for at in range(108, PAGE) if data[at]]
    for at in rng.choice(used, rng.integers(1, 5)):
        data[at] = rng.integers(256)


def page_references(rng: Rng, data: bytearray) -> None:
    """A page that names itself, or another, as the next."""
    page = int(rng.integers(1, len(data) // PAGE)) * PAGE
    data[page] = rng.choice([2, 5])
    data[page + 8 : page + 12] = int(rng.integers(0, len(data) // PAGE + 1)).to_bytes(4, "big")


def swapped_pages(rng: Rng, data: bytearray) -> None:
    one, two = (int(n) * PAGE for n in rng.integers(1, len(data) // PAGE, 2))
    data[one : one + PAGE], data[two : two + PAGE] = data[two : two + PAGE], data[one : one + PAGE]


def lost_page(rng: Rng, data: bytearray) -> None:
    page = int(rng.integers(0, len(data) // PAGE)) * PAGE
    data[page : page + PAGE] = bytes(PAGE)


def cut_short(rng: Rng, data: bytearray) -> None:
    del data[int(rng.integers(0, len(data))) :]


Damage = Callable[[Rng, bytearray], None]
DATABASE_DAMAGES: dict[str, Damage] = {
    damage.__name__: damage
    for damage in (
        anywhere, used_bytes, page_headers, cell_pointers, record_headers, file_header, text_encoding,
        texts, freelist, schema_rows, page_references, swapped_pages, lost_page, cut_short,
    )
}  # fmt: skip


def damaged(kind: str, seed: int, data: bytes) -> bytes:
    changed = bytearray(data)
    DATABASE_DAMAGES[kind](np.random.default_rng([seed, *kind.encode()]), changed)
    return bytes(changed)
