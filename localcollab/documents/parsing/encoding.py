"""Bytes -> characters where nothing says which encoding they are in: what was guessed is told."""

import codecs
import re
from collections.abc import Sequence
from typing import NamedTuple

from localcollab.documents.parsing.section import Missing, Unreadable

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CANDIDATES = (
    "gb18030", "big5hkscs", "cp932", "shift_jis_2004", "euc_jis_2004", "cp949",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874",
    "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13",
    "iso8859-15", "koi8-r", "koi8-u", "cp437", "cp850", "cp852", "cp866", "mac-roman",
    "mac-cyrillic",
)  # fmt: skip
"""What people's files are in; the detector's other candidates are mainframes' and rarities."""
_FEW = 3
"""Bytes beyond ASCII: too few to tell one Western code page from another."""
_SAMPLE = 65_536
_KNOWN = re.compile(
    "[\t\n\r\\x20-\\x7e\u00a0-\u052f\u0590-\u06ff\u0900-\u0e7f\u1e00-\u206f\u20a0-\u22ff\u2500-\u25ff"
    "\u3000-\u30ff\u3130-\u318f\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
_COMMON = re.compile("[ \n\u3001\u3002\uff0c]")
_LATIN = tuple(
    name for name in _CANDIDATES if name in (
        "cp1250", "cp1252", "cp1254", "cp1257", "iso8859-1", "iso8859-2", "iso8859-9", "iso8859-13",
        "iso8859-15", "cp437", "cp850", "cp852", "mac-roman",
    )
)  # fmt: skip
_OF_WINDOWS = {
    "iso8859-1": "cp1252", "iso8859-2": "cp1250", "iso8859-5": "cp1251", "iso8859-7": "cp1253",
    "iso8859-8": "cp1255", "iso8859-9": "cp1254", "iso8859-13": "cp1257", "iso8859-15": "cp1252",
}  # fmt: skip
_C1 = re.compile("[\x80-\x9f]")
_OTHER_SCRIPTS = "\u0370-\u03ff\u0400-\u052f\u0590-\u05ea\u0620-\u064a"
_MIXED = re.compile(f"[A-Za-z][{_OTHER_SCRIPTS}]|[{_OTHER_SCRIPTS}][A-Za-z]")
"""Within one word, letters of Latin and of another script: no language writes so."""
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]")
_WESTERN = re.compile(
    "[\t\n\r\\x20-\\x7e\u00a0-\u00b2\u00b4-\u00b8\u00ba-\u00be\u00c0-\u00ff\u2013-\u2026\u20ac\u2122]*"
)
_SUPERSETS = {"gb2312": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "iso8859-1": "cp1252",
              "iso8859-9": "cp1254", "big5": "big5hkscs"}  # fmt: skip


class Decoded(NamedTuple):
    text: str
    note: str = ""
    """How it was read, unless that is certain."""


def decode_bytes(data: bytes) -> Decoded:
    """Raises `Missing` where guessing needs a package, `Unreadable`."""
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return _as_far_as_valid(data[len(bom) :], encoding)
    wide = utf_16(data) if b"\0" in data else None
    if wide:
        return _guessed(data, wide)
    if _ISO_2022_JP.search(data) and _is_valid(data, "iso2022_jp_2"):
        return _guessed(data, "iso2022_jp_2")
    try:
        return Decoded(data.decode())
    except UnicodeDecodeError:
        return _decode_legacy(data)


def utf_16(data: bytes) -> str | None:
    """Which of the two byte orders it is, without a mark; None for anything else."""
    sample = data[: min(_SAMPLE, len(data) - len(data) % 2)]
    best, n_best = None, 0
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, "replace")
        if len(_KNOWN.findall(text)) < 0.97 * len(text):
            continue
        n_common = len(_COMMON.findall(text)) + sum(text.count(c) for c in "aeiouаеиоαε")
        if n_common > n_best:
            best, n_best = encoding, n_common
    return best


def guess(data: bytes) -> str | None:
    """None where nothing fits. Raises `Missing`."""
    high = [byte for byte in data[:_SAMPLE] if byte > 127]
    western = data[:_SAMPLE].decode("cp1252", "replace")
    is_western = bool(_WESTERN.fullmatch(western))
    is_sparse = len(high) < 0.4 * len(data[:_SAMPLE])
    try:
        import chardet
    except ImportError as error:
        if is_western and is_sparse:
            return "cp1252"
        raise Missing(
            "is not UTF-8, and guessing its encoding needs chardet: "
            "pip install 'localcollab[documents]'"
        ) from error

    def detected(candidates: Sequence[str]) -> str | None:
        found = chardet.detect(data, include_encodings=candidates, compat_names=False)["encoding"]
        found = _SUPERSETS.get(found or "", found)
        # Where Windows has letters, its predecessor has control characters.
        has_controls = found in _OF_WINDOWS and _C1.search(data.decode(found, "replace"))
        return _OF_WINDOWS[found] if found is not None and has_controls else found

    found = detected(_CANDIDATES)
    if found is not None and _MIXED.search(data[:_SAMPLE].decode(found, "replace")):
        found = detected(_LATIN)
    is_east_asian = found in ("gb18030", "big5hkscs", "cp949") or "jis" in (found or "")
    if len(high) <= _FEW and is_sparse and is_western and not is_east_asian:
        return "cp1252"
    if found and _is_valid(data, found):
        return found
    return utf_16(data)


def _decode_legacy(data: bytes) -> Decoded:
    damaged = data.decode(errors="replace")
    n_bad = damaged.count("\N{REPLACEMENT CHARACTER}")
    if sum(char > "\x7f" for char in damaged) - n_bad >= 4 * n_bad:
        return _as_far_as_valid(data, "utf-8")
    found = utf_16(data) or guess(data)
    if found is None:
        raise Unreadable("its encoding is not known: save it as UTF-8")
    return _guessed(data, found)


def _guessed(data: bytes, encoding: str) -> Decoded:
    name = _NAMES.get(encoding.lower(), encoding).upper()
    text = data.decode(encoding, "replace")
    return Decoded(text, f"encoding guessed: {name} (if it is wrong, save the file as UTF-8)")


_NAMES = {"cp1252": "windows-1252", "cp932": "Shift_JIS", "shift_jis_2004": "Shift_JIS",
          "cp949": "EUC-KR", "iso2022_jp_2": "ISO-2022-JP"}  # fmt: skip


def _as_far_as_valid(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    n = text.count("\N{REPLACEMENT CHARACTER}") if not _is_valid(data, encoding) else 0
    places = "1 place is" if n == 1 else f"{n} places are"
    return Decoded(text, f"{places} not valid {encoding.upper()}" if n else "")


def _is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return False
    return True
