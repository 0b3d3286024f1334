"""Reads the rows that are left in a damaged SQLite file, page by page, without its schema.

The file format is described at https://www.sqlite.org/fileformat2.html. Every page that is a leaf, and
every interior page of an index, is taken for itself, so that a damaged page costs its own rows only. What
the rows mean is left to the caller. Nothing is written, and no byte of the file is trusted.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

Value = None | int | float | bytes
"""Text is bytes too: whether it is valid is the caller's question."""

_DEFAULT_PAGE_BYTES = 4096
_PAGE_SIZES = tuple(512 << n for n in range(8))
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 13, 10, 2
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_WAL_HEADER, _FRAME_HEADER = 32, 24


class Row(NamedTuple):
    rowid: int | None
    """None: of an index, or of a table without row ids."""
    values: tuple[Value, ...]


class _Unreadable(Exception):
    """A cell that is not one."""


def read_pages(path: Path) -> dict[int, bytes]:
    """Page number -> page, with those of the write-ahead log. Raises `OSError`."""
    data = path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size
    size = size if size in _PAGE_SIZES else _DEFAULT_PAGE_BYTES
    pages = {n + 1: data[at : at + size] for n, at in enumerate(range(0, len(data), size))}
    wal = path.with_name(path.name + "-wal")
    if wal.is_file():
        pages |= _logged(wal.read_bytes(), size)
    return pages


def _logged(wal: bytes, size: int) -> dict[int, bytes]:
    """The pages of finished transactions that were not copied into the file yet."""
    done: dict[int, bytes] = {}
    open_: dict[int, bytes] = {}
    salts = wal[16:24]
    for at in range(_WAL_HEADER, len(wal) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        number, n_pages = struct.unpack(">II", wal[at : at + 8])
        if wal[at + 8 : at + 16] != salts:
            break
        open_[number] = wal[at + _FRAME_HEADER : at + _FRAME_HEADER + size]
        if n_pages:
            done |= open_
            open_ = {}
    return done


def rows(pages: Mapping[int, bytes]) -> Iterator[Row | None]:
    """What can still be read, page by page; None for a row that cannot."""
    for number, page in pages.items():
        start = 100 if number == 1 else 0
        if len(page) < start + 12 or page[start] not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
            continue
        kind = page[start]
        first = start + (12 if kind == _INDEX_INTERIOR else 8)
        n_cells = int.from_bytes(page[start + 3 : start + 5], "big")
        for n in range(min(n_cells, (len(page) - first) // 2)):
            at = int.from_bytes(page[first + 2 * n : first + 2 * n + 2], "big")
            try:
                yield _row(pages, page, at + (4 if kind == _INDEX_INTERIOR else 0), kind)
            except (_Unreadable, IndexError, struct.error):
                yield None


def _row(pages: Mapping[int, bytes], page: bytes, at: int, kind: int) -> Row:
    n_bytes, at = _varint(page, at)
    rowid = None
    if kind == _TABLE_LEAF:
        rowid, at = _varint(page, at)
        rowid -= 2**64 if rowid >= 2**63 else 0
    return Row(rowid, _values(_payload(pages, page, at, n_bytes, kind)))


def _payload(pages: Mapping[int, bytes], page: bytes, at: int, n_bytes: int, kind: int) -> bytes:
    """What does not fit into the page continues on others, each of which names the next."""
    size = len(page)
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    if n_bytes <= most:
        return _whole(page[at : at + n_bytes], n_bytes)
    if n_bytes > size * len(pages):
        raise _Unreadable
    least = (size - 12) * 32 // 255 - 23
    here = least + (n_bytes - least) % (size - 4)
    here = here if here <= most else least
    parts = [_whole(page[at : at + here], here)]
    left, number = n_bytes - here, int.from_bytes(page[at + here : at + here + 4], "big")
    while left > 0:
        other = pages.get(number)
        if other is None:
            raise _Unreadable
        parts.append(_whole(other[4 : 4 + left], min(left, size - 4)))
        left, number = left - len(parts[-1]), int.from_bytes(other[:4], "big")
    return b"".join(parts)


def _whole(found: bytes, n_bytes: int) -> bytes:
    if len(found) != n_bytes or not n_bytes:
        raise _Unreadable
    return found


def _values(record: bytes) -> tuple[Value, ...]:
    end, at = _varint(record, 0)
    body, values = end, []
    while at < end:
        type_, at = _varint(record, at)
        value, body = _value(record, body, type_)
        values.append(value)
    if at != end or body != len(record):
        raise _Unreadable
    return tuple(values)


def _value(record: bytes, at: int, type_: int) -> tuple[Value, int]:
    if type_ in (0, 8, 9):
        return (None if type_ == 0 else type_ - 8), at
    if type_ == 7:
        (real,) = struct.unpack(">d", record[at : at + 8])
        return float(real), at + 8
    if type_ in (10, 11):
        raise _Unreadable
    size = _INTEGERS.get(type_) or (type_ - 12) // 2
    found = record[at : at + size]
    if len(found) != size:
        raise _Unreadable
    if type_ in _INTEGERS:
        return int.from_bytes(found, "big", signed=True), at + size
    return found, at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Value and the place behind it."""
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9
