"""Compound files (MS-CFB) and Outlook messages in them, written by hand: see MS-OXMSG."""

import struct
from collections.abc import Mapping
from typing import Any, Union

Storage = Mapping[str, Union[bytes, "Storage"]]
_SECTOR, _MINI = 512, 64
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ole(root: Storage) -> bytes:
    """Streams below 4,096 bytes stand in the ministream, as the format wants it."""
    return _Writer(root).file()


class _Writer:
    def __init__(self, root: Storage) -> None:
        self._sectors: list[bytes] = []
        self._fat: list[int] = []
        self._mini, self._mini_fat = bytearray(), list[int]()
        self._entries: list[list[Any]] = []
        self._add("Root Entry", 5)
        self._children(0, root)

    def _add(self, name: str, kind: int, start: int = 0, size: int = 0) -> int:
        self._entries.append([name, kind, _FREE, _FREE, start, size])
        return len(self._entries) - 1

    def _children(self, parent: int, storage: Storage) -> None:
        """Siblings as a list that leans to the right: readers need no balance."""
        before = -1
        for name in sorted(storage, key=lambda each: (len(each), each.upper())):
            content = storage[name]
            if isinstance(content, bytes):
                index = self._add(name, 2, *self._stream(content))
            else:
                index = self._add(name, 1)
                self._children(index, content)
            if before < 0:
                self._entries[parent][3] = index
            else:
                self._entries[before][2] = index
            before = index

    def _stream(self, data: bytes) -> tuple[int, int]:
        if len(data) >= 4096:
            return self._chain(data), len(data)
        if not data:
            return _END, 0
        first = len(self._mini_fat)
        n = -(-len(data) // _MINI)
        self._mini += data.ljust(n * _MINI, b"\0")
        self._mini_fat += [*range(first + 1, first + n), _END]
        return first, len(data)

    def _chain(self, data: bytes) -> int:
        first, n = len(self._sectors), -(-len(data) // _SECTOR)
        padded = data.ljust(n * _SECTOR, b"\0")
        self._sectors += [padded[at : at + _SECTOR] for at in range(0, len(padded), _SECTOR)]
        self._fat += [*range(first + 1, first + n), _END]
        return first

    def file(self) -> bytes:
        root = self._entries[0]
        root[4], root[5] = (
            (self._chain(bytes(self._mini)), len(self._mini)) if self._mini else (_END, 0)
        )
        mini_fat = struct.pack(f"<{len(self._mini_fat)}I", *self._mini_fat)
        n_mini_fat = -(-len(mini_fat) // _SECTOR)
        first_mini_fat = (
            self._chain(mini_fat.ljust(n_mini_fat * _SECTOR, b"\xff")) if mini_fat else _END
        )
        directory = b"".join(self._entry(*entry) for entry in self._entries)
        first_directory = self._chain(directory.ljust(-(-len(directory) // 512) * 512, b"\0"))
        n_fat = 1
        while n_fat * 128 < len(self._fat) + n_fat:
            n_fat += 1
        first_fat = len(self._sectors)
        fat = [*self._fat, *[_FAT] * n_fat]
        fat += [_FREE] * (n_fat * 128 - len(fat))
        difat = [*range(first_fat, first_fat + n_fat)] + [_FREE] * (109 - n_fat)
        header = struct.pack(
            "<8s16xHHHHH6xIIIIIIIII109I", bytes.fromhex("d0cf11e0a1b11ae1"), 0x3E, 3, 0xFFFE, 9, 6, 0,
            n_fat, first_directory, 0, 4096, first_mini_fat, n_mini_fat, _END, 0, *difat,
        )  # fmt: skip
        return header + b"".join(self._sectors) + struct.pack(f"<{len(fat)}I", *fat)

    @staticmethod
    def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        wide = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16xI8x8xIQ", wide, len(wide), kind, 1, _FREE, right, child, 0, start, size
        )


def message(
    texts: Mapping[int, str | bytes], attached: Mapping[str, bytes | Storage] | None = None
) -> dict[str, bytes | Storage]:
    """`texts`: property -> its text, or its bytes. An attached storage is a message."""
    parts: dict[str, bytes | Storage] = {
        f"__substg1.0_{n:04X}{'0102' if isinstance(value, bytes) else '001F'}": (
            value if isinstance(value, bytes) else value.encode("utf-16-le")
        )
        for n, value in texts.items()
    }
    sent = struct.pack("<IIQ", 0x00390040, 6, 133_540_000_000_000_000)
    parts["__properties_version1.0"] = bytes(32) + sent
    for n, (name, content) in enumerate((attached or {}).items()):
        kind = "0102" if isinstance(content, bytes) else "000D"
        parts[f"__attach_version1.0_#{n:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            f"__substg1.0_3701{kind}": content,
            "__properties_version1.0": bytes(8),
        }
    return parts
