"""Damage that gets past the header: of JSON values, TOML lines, words, elements.

Every function takes a random generator first and gives bytes back.
"""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator

_HUGE, _DEEP, _LONG = "\ue000huge", "\ue000deep", "\ue000long"
RAW = {_HUGE: "9" * 5000, _DEEP: "[" * 5000 + "]" * 5000, _LONG: '"' + "long " * 4000 + '"'}
"""What `json` does not write: put in after it wrote."""
ODD_JSON: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63),
    2**64, 0.0, -0.0, 0.5, 1.5, -2.5, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"), "", "0",
    "x", " ", "\0", "\n", "\x1b[31m", "\ud800", "\u202e", "é" * 300, "../x", "/etc/passwd", "null", [],
    {},
    [[]], {"": {}}, [None], {"x": 1}, [1, "x", None], _HUGE, _DEEP, _LONG,
)  # fmt: skip
ODD_NUMBERS = (
    b"0", b"1", b"-1", b"2", b"9", b"255", b"65535", b"65536", b"2147483647", b"2147483648",
    b"4294967296",
    b"9223372036854775808", b"99999999999999999999", b"-99999999999", b"1e400", b"0.5", b"00", b"",
    b"NaN",
    b"1_0", "٣".encode(), "²".encode(), b"9" * 5000, b"0x10", b"1.5.2",
)  # fmt: skip
_TOKEN = re.compile(rb"\d+|[A-Za-z_]+|\s+|[^\sA-Za-z_\d]")


def pick(rng: Rng, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def flip(rng: Rng, data: bytes) -> bytes:
    """One to eight changes of bytes, at any place."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        at = int(rng.integers(len(found) + 1))
        end = at + int(rng.integers(1, 33))
        kind = int(rng.integers(7))
        if kind == 0:
            found[at:at] = rng.bytes(int(rng.integers(1, 9)))
        elif kind == 1:
            del found[at:end]
        elif kind == 2:
            found[at:at] = found[at:end] * int(rng.integers(1, 20))
        elif kind == 3:
            found[at : at + 4] = int(pick(rng, (0, 1, 2**31 - 1, 2**32 - 1, 2**31, 255))).to_bytes(
                4, "little"
            )
        elif kind == 4 and rng.random() < 0.1:
            del found[at:]
        elif at < len(found):
            found[at] = int(rng.integers(256)) if kind == 5 else found[at] ^ (1 << (kind & 7))
    return bytes(found)


def json_text(rng: Rng, value: object) -> bytes:
    """With one to four of its values replaced, removed, doubled, renamed or wrapped."""
    value = json.loads(json.dumps(value))
    for _ in range(int(rng.integers(1, 5))):
        value = change_json(rng, value)
    text = json.dumps(value, indent=pick(rng, (None, 1)), ensure_ascii=bool(rng.integers(2)))
    for marker, raw in RAW.items():
        text = text.replace(json.dumps(marker), raw).replace(f'"{marker}"', raw)
    data = text.encode("utf-8", "surrogatepass")
    return flip(rng, data) if rng.random() < 0.1 else data


def _places(value: object, into: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every container with every key in it."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            into.append((value, key))
            _places(value[key], into)
    return into


def change_json(rng: Rng, value: Any) -> Any:
    places = _places(value, [])
    if not places:
        return _odd(rng)
    holder, key = pick(rng, places)
    kind = int(rng.integers(10))
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(int(rng.integers(1, 40)))]
    elif kind == 1:
        holder[pick(rng, ("", "x", "id", "\ud800", key + " "))] = holder.pop(key)
    elif kind == 2:
        holder[key] = pick(rng, ([holder[key]], {"x": holder[key]}, str(holder[key])))
    elif kind == 3:
        other, other_key = pick(rng, places)
        holder[key] = (
            json.loads(json.dumps(other[other_key])) if other_key in _keys(other) else None
        )
    elif kind == 4 and type(holder[key]) in (int, float):
        holder[key] = holder[key] + pick(rng, (-1, 1, 0.5, 2**31, -(2**31)))
    else:
        holder[key] = _odd(rng)
    return value


def _odd(rng: Rng) -> object:
    """A copy: what is changed later must not stay changed."""
    return copy.deepcopy(pick(rng, ODD_JSON))


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


ODD_TOML = (
    "0", "-1", "1", "true", "nan", "inf", "-inf", "1e400", "9" * 5000, "9223372036854775808", '""', '"x"',
    "'..'", '"\\u0000"', '"\\u001b[2J"', "[]", "{}", "[1]", '[""]', "[[]]", '{ x = "y" }', "1979-05-27",
    "07:32:00", "[" * 3000 + "]" * 3000, '"' + "x" * 5000 + '"', '["a", "a"]', '["a", "b"]', "0.5",
    "'''\nx'''", '"a"', '"b"', '"/etc/passwd"', '"../../x.gguf"', "{ a = { b = { c = 1 } } }",
)  # fmt: skip

_TABLES = ("a", "b", "t", "x", '""')


def toml_text(rng: Rng, text: str, names: Sequence[str]) -> bytes:
    """`names`: keys and table names to put in. Most results are valid TOML."""
    lines = text.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        key, _, value = lines[at].partition("=")
        kind = int(rng.integers(8))
        if kind == 0:
            del lines[at]
            lines = lines or [""]
        elif kind == 1:
            lines.insert(int(rng.integers(len(lines) + 1)), lines[at])
        elif kind == 2:
            lines.insert(at + 1, f"{pick(rng, names)} = {pick(rng, ODD_TOML)}")
        elif kind == 3 and value:
            lines[at] = f"{pick(rng, names)} ={value}"
        elif kind == 4:
            other = pick(rng, lines).partition("=")[2]
            lines[at] = f"{key}={other or ' 1'}"
        elif kind == 5 and lines[at].startswith("["):
            lines[at] = f"[{pick(rng, names)}.{pick(rng, _TABLES)}]"
        elif value:
            lines[at] = f"{key}= {pick(rng, ODD_TOML)}"
    data = "\n".join(lines).encode()
    return flip(rng, data) if rng.random() < 0.1 else data


def tokens(rng: Rng, data: bytes, words: Sequence[bytes] = ()) -> bytes:
    """Text by its words: numbers become odd ones, pieces are doubled, moved or dropped."""
    found = _TOKEN.findall(data)
    if not found:
        return bytes(pick(rng, words)) if words else flip(rng, data)
    numbers = [n for n, token in enumerate(found) if token.isdigit()]
    for _ in range(int(rng.integers(1, 7))):
        at = int(rng.integers(len(found) + 1))
        end = min(len(found), at + int(rng.integers(1, 40)))
        kind = int(rng.integers(8))
        if kind < 2 and numbers:
            at = min(pick(rng, numbers), len(found) - 1)
            found[at] = pick(rng, ODD_NUMBERS)
        elif kind == 2:
            found[at:at] = found[at:end] * int(pick(rng, (1, 2, 30, 300)))
        elif kind == 3 and end - at < len(found):
            del found[at:end]
        elif kind == 4:
            other = int(rng.integers(len(found) + 1))
            found[other:other] = found[at:end]
        elif words:
            found[at:at] = [pick(rng, words)] * int(pick(rng, (1, 1, 1, 2, 50)))
        found = found or [b" "]
    return b"".join(found)[:400_000]


_XML = re.compile(rb"<[^<>]*>|[^<]+")
_ATTRIBUTE = re.compile(rb"=\s*(\"[^\"]*\"|'[^']*')")
ODD_XML = (
    b"&#0;", b"&#xD800;", b"&lt;", b"&no;", b"<![CDATA[x]]>", b"<!-- x -->", b"<?x y?>", b"\0", b"\xff",
    b"<x>", b"</x>", b"<a:x/>", b"\xe2\x80\xae", b"<!DOCTYPE x [<!ENTITY e 'e'>]>", b"]]>", b"<", b"&",
)  # fmt: skip


def xml(rng: Rng, data: bytes) -> bytes:
    """By its tags: most results are well-formed, since whole elements move and attributes change."""
    parts = _XML.findall(data)
    for _ in range(int(rng.integers(1, 6))):
        if not parts:
            return bytes(pick(rng, ODD_XML))
        at = int(rng.integers(len(parts)))
        first, last = _element(parts, at)
        kind = int(rng.integers(9))
        if kind < 4:
            parts[at] = _with_odd_attribute(rng, parts[at])
        elif kind == 4 and first > 0:
            del parts[first:last]
        elif kind == 5:
            parts[first:first] = parts[first:last] * int(pick(rng, (1, 3, 60)))
        elif kind == 6:
            to = int(rng.integers(len(parts) + 1))
            parts[to:to] = parts[first:last]
        elif kind == 7 and parts[at].startswith(b"<") and not parts[at].startswith(b"</"):
            n = int(pick(rng, (1, 5, 600)))
            name = re.match(rb"<([^\s/>]*)", parts[at])
            assert name
            opening = parts[at].replace(b"/>", b">")
            parts[first:last] = [*[opening] * n, *parts[first:last], *[b"</%s>" % name[1]] * n]
        else:
            parts.insert(at, pick(rng, ODD_XML if rng.random() < 0.3 else (b"x", b" ", b"1", b"")))
        if sum(map(len, parts)) > 400_000:
            break
    return b"".join(parts)[:1_000_000]


def _element(parts: list[bytes], at: int) -> tuple[int, int]:
    """From the opening tag at `at` behind its closing one; the part alone where it is none."""
    if not parts[at].startswith(b"<") or parts[at].startswith((b"</", b"<?", b"<!")):
        return at, at + (not parts[at].startswith(b"<"))
    depth = 0
    for n in range(at, len(parts)):
        part = parts[n]
        if part.startswith(b"</"):
            depth -= 1
        elif part.startswith(b"<") and not part.startswith((b"<?", b"<!")):
            depth += not part.endswith(b"/>")
        if depth <= 0:
            return at, n + 1
    return at, len(parts)


def _with_odd_attribute(rng: Rng, part: bytes) -> bytes:
    found = list(_ATTRIBUTE.finditer(part))
    if not found:
        return pick(rng, ODD_NUMBERS) if not part.startswith(b"<") else part
    one = pick(rng, found)
    value = pick(
        rng, (*ODD_NUMBERS, b"A1:XFD1048576", b"rId1", b"../../x", b"x" * 300, b"true", b"\xc3\xa9")
    )
    return bytes(part[: one.start(1)] + b'"' + value + b'"' + part[one.end(1) :])
