"""Damage of files that hold others or records: archives, tensors' files, databases."""

import contextlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from document_files import zipped
from fuzz_mutations import RAW, Rng, change_json, flip, json_text, pick, tokens, xml


def archive(rng: Rng, data: bytes) -> bytes:
    """A ZIP with one or two parts damaged, packed again; now and then the container too."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        parts: dict[str, str | bytes] = {name: found.read(name) for name in found.namelist()}
    for _ in range(int(rng.integers(1, 3))):
        name = pick(rng, list(parts))
        content = parts[name]
        assert isinstance(content, bytes)
        kind = int(rng.integers(20))
        if kind == 0 and len(parts) > 1:
            del parts[name]
        elif kind == 1:
            parts[name] = parts[pick(rng, list(parts))]
        elif kind == 2:
            parts[name.upper() if rng.integers(2) else "../" + name] = parts.pop(name)
        elif kind == 3:
            parts[name] = flip(rng, content)
        else:
            parts[name] = xml(rng, content) if b"<" in content[:200] else tokens(rng, content)
    packed = zipped(parts)
    return flip(rng, packed) if rng.random() < 0.08 else packed


def tensors(rng: Rng, data: bytes) -> bytes:
    """A safetensors file: its metadata, types, shapes, offsets or values changed, its header valid."""
    end = 8 + int.from_bytes(data[:8], "little")
    header, values = json.loads(data[8:end]), bytearray(data[end:])
    kind = int(rng.integers(10))
    if kind < 4:
        meta = header["__metadata__"]
        meta["card"] = json_text(rng, json.loads(meta["card"])).decode("utf-8", "replace")
    elif kind < 6:
        _change_tensor(rng, header, values)
    elif kind == 6:
        for _ in range(int(rng.integers(1, 6))):
            at = 4 * int(rng.integers(max(1, len(values) // 4)))
            odd = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, 0.0)
            values[at : at + 4] = np.float32(pick(rng, odd)).tobytes()
    elif kind == 7:
        header = change_json(rng, header)
    elif kind == 8:
        values = bytearray(flip(rng, bytes(values)))
    else:
        return flip(rng, data)
    text = json.dumps(header)
    for marker, raw in RAW.items():
        text = text.replace(json.dumps(marker), raw)
    packed = text.encode()
    packed += b" " * (-len(packed) % 8)
    return len(packed).to_bytes(8, "little") + packed + bytes(values)


_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
}


def _change_tensor(rng: Rng, header: dict[str, Any], values: bytearray) -> None:
    """One of them gets another type, shape or name, and data that fits: at the end of the file."""
    name = pick(rng, [name for name in header if name != "__metadata__"])
    tensor = header.pop(name)
    if rng.random() < 0.5:
        tensor["dtype"] = pick(rng, tuple(_SIZES))
    if rng.random() < 0.6:
        shape = tensor["shape"]
        options: tuple[list[int], ...] = (
            [], [0], [1], [*shape, 1], shape[:-1], shape[::-1], [n + 1 for n in shape], [1] * 40, [0,
            2**40],
        )  # fmt: skip
        tensor["shape"] = pick(rng, options)
    size = int(np.prod(tensor["shape"], dtype=object)) * _SIZES[tensor["dtype"]]
    if size > 2**20 or rng.random() < 0.1:
        size = len(values)
    # Nothing may be left over: the whole file is laid out again.
    blocks = {
        n: values[slice(*t["data_offsets"])] for n, t in header.items() if n != "__metadata__"
    }
    new = pick(rng, (name, name, name, "x", "", "0.query"))
    header[new], blocks[new] = tensor, bytearray(rng.bytes(size))
    values.clear()
    for each, block in blocks.items():
        header[each]["data_offsets"] = [len(values), len(values) + len(block)]
        values += block


def database(rng: Rng, data: bytes, folder: Path) -> bytes:
    """SQLite: values through SQL (any type in any column), or bytes of its pages, the header kept."""
    if rng.random() < 0.5:
        return _with_odd_values(rng, data, folder)
    found = bytearray(data)
    size = int.from_bytes(data[16:18], "big")
    for _ in range(int(rng.integers(1, 9))):
        page = int(rng.integers(len(data) // size))
        first = page * size + (100 if page == 0 else 0)
        # Mostly near the page's header and cell pointers, or in its cells, which fill it from the end.
        offset = int(
            pick(rng, (rng.integers(40), rng.integers(size - 100), size - 101 - rng.integers(300)))
        )
        at = min(first + offset, len(found) - 1)
        kind = int(rng.integers(3))
        if kind == 0:
            found[at] = int(rng.integers(256))
        elif kind == 1:
            found[at] ^= 1 << int(rng.integers(8))
        else:
            found[at : at + 4] = rng.bytes(4)
    if rng.random() < 0.1:
        at = int(rng.integers(100))
        found[at] = int(rng.integers(256))
    return (
        bytes(found[: len(data)])
        if rng.random() < 0.95
        else bytes(found[: size * int(rng.integers(1, 9))])
    )


_ODD_CELLS: tuple[object, ...] = (
    None, 0, -1, 1, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "x", "\0", "é", "{}", "[]", "null", "{",
    '{"options": []}', '{"reason": 5}', '{"n_tokens": 1e999}', b"", b"\xff", b"\x00\x01\x02", b"x" * 5000,
    "user", "assistant", "streaming", "9" * 5000, "[" * 3000,
)  # fmt: skip


def _with_odd_values(rng: Rng, data: bytes, folder: Path) -> bytes:
    path = folder / "mutated.sqlite3"
    path.write_bytes(data)
    connection = sqlite3.connect(path, isolation_level=None)
    with contextlib.suppress(sqlite3.Error):  # a change may have broken what the next one needs
        for pragma in (
            "ignore_check_constraints = ON",
            "foreign_keys = OFF",
            "writable_schema = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        names = [
            n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for _ in range(int(rng.integers(1, 5))):
            _change_rows(rng, connection, pick(rng, names))
    connection.close()
    return path.read_bytes()


def _change_rows(rng: Rng, connection: sqlite3.Connection, table: str) -> None:
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    if not columns:  # an earlier change dropped the table
        return
    column, kind = pick(rng, columns), int(rng.integers(12))
    statement = (
        f'UPDATE "{table}" SET "{column}" = ? WHERE rowid IN (SELECT rowid FROM "{table}" LIMIT 3)'
    )
    arguments: tuple[object, ...] = (pick(rng, _ODD_CELLS),)
    if "WITHOUT ROWID" in _sql_of(connection, table):
        statement = f'UPDATE "{table}" SET "{column}" = ?'
    if kind == 0:
        statement, arguments = f'DELETE FROM "{table}"', ()
    elif kind == 1:
        statement, arguments = f'DROP TABLE "{table}"', ()
    elif kind == 2:
        statement, arguments = f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "z"', ()
    elif kind == 3:
        other = pick(rng, columns)
        statement, arguments = f'UPDATE "{table}" SET "{column}" = "{other}"', ()
    elif kind == 4:
        statement, arguments = f"PRAGMA user_version = {pick(rng, (0, 1, 2, 3, 99, -1))}", ()
    with contextlib.suppress(sqlite3.Error, OverflowError):
        connection.execute(statement, arguments)


def _sql_of(connection: sqlite3.Connection, table: str) -> str:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return str(found[0]) if found else ""


def tar(rng: Rng, data: bytes, change: Callable[[Rng, str, bytes], bytes]) -> bytes:
    """With `change` of one of its members, the tar's own fields right; or one of these damaged."""
    import tarfile

    if rng.random() < 0.25:
        found = bytearray(data)
        block = 512 * int(rng.integers(max(1, len(data) // 512)))
        first, last = pick(
            rng, ((0, 100), (100, 124), (124, 136), (148, 157), (157, 257), (257, 345))
        )
        found[block + int(rng.integers(first, last))] = int(rng.integers(256))
        _fix_checksum(found, block)
        return bytes(found)
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        members = old.getmembers()
        at = 0 if rng.random() < 0.8 else int(rng.integers(len(members)))
        for n, member in enumerate(members):
            source = old.extractfile(member)
            assert source is not None
            content = source.read()
            if n == at:
                content = change(rng, member.name, content)
            member.size = len(content)
            for _ in range(int(pick(rng, (1,) * 30 + (0, 2)))):
                new.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _fix_checksum(found: bytearray, block: int) -> None:
    header = found[block : block + 512]
    header[148:156] = b" " * 8
    found[block + 148 : block + 156] = b"%06o\0 " % sum(header)
