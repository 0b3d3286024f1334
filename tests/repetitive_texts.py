"""Right texts that repeat themselves: what a detector of loops must leave alone.

Twenty-one kinds of twenty texts, made by seed: what assistants are asked for, at the lengths that people
ask for. Frozen before the detector's rule was chosen.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

PER_KIND = 20
_NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Karin",
    "Luis",
    "Mara",
    "Nils",
    "Olga",
    "Paul",
]
_CITIES = [
    "Lisbon",
    "Oslo",
    "Turin",
    "Graz",
    "Lyon",
    "Ghent",
    "Porto",
    "Bern",
    "Riga",
    "Cork",
    "Bath",
    "Delft",
    "Siena",
    "Bergen",
]
_THINGS = [
    "apples",
    "bread",
    "candles",
    "dates",
    "eggs",
    "flour",
    "garlic",
    "honey",
    "ink",
    "jam",
    "kale",
    "lemons",
    "milk",
    "nuts",
    "oil",
]


class Text(NamedTuple):
    kind: str
    text: str


def texts() -> Iterator[Text]:
    """All of them, always the same."""
    for kind, write in KINDS.items():
        for n in range(PER_KIND):
            yield Text(kind, write(random.Random(f"{kind}-{n}")))


def _table_of_zeros(r: random.Random) -> str:
    columns, rows = r.randint(3, 8), r.randint(6, 14)
    head = "| name | " + " | ".join(f"Q{n + 1}" for n in range(columns)) + " |\n"
    rule = "|---" * (columns + 1) + "|\n"
    cell = r.choice(["0", "-", "n/a", "no", "0.0"])
    return head + rule + "".join(
        f"| {r.choice(_NAMES)} {n} | " + " | ".join([cell] * columns) + " |\n" for n in range(rows)
    )  # fmt: skip


def _table(r: random.Random) -> str:
    rows = r.randint(12, 30)
    lines = (
        f"| {n + 1} | {r.choice(_CITIES)} | {r.choice(_THINGS)} | {r.randint(1, 99)} "
        f"| {r.randint(1, 9)}.00 |"
        for n in range(rows)
    )
    return (
        "| no | city | goods | pieces | price |\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def _csv(r: random.Random) -> str:
    same = r.random() < 0.5
    lines = [
        f"2026-{1 + n // 28:02}-{1 + n % 28:02};{r.choice(_CITIES)};{0 if same else r.randint(0, 3)};0;0"
        for n in range(r.randint(20, 50))
    ]
    return "date;place;rain;snow;hail\n" + "\n".join(lines) + "\n"


def _json_array(r: random.Random) -> str:
    shape = {"id": 0, "active": True, "tags": [], "owner": None, "size": {"w": 0, "h": 0}}
    items = [shape | {"id": n} for n in range(r.randint(6, 16))]
    return json.dumps(items, indent=r.choice([None, 2]))


def _matrix(r: random.Random) -> str:
    n = r.randint(5, 12)
    rows = [["1" if i == j else "0" for j in range(n)] for i in range(n)]
    form = r.choice(["[{}],", "{} \\\\", "    [{}],"])
    joint = " & " if "\\" in form else ", "
    return "identity = [\n" + "\n".join(form.format(joint.join(row)) for row in rows) + "\n]\n"


def _unrolled_code(r: random.Random) -> str:
    name, step = r.choice(["buffer", "pins", "state"]), r.choice([1, 2, 4])
    return "".join(f"{name}[{n * step}] = read({n * step});\n" for n in range(r.randint(15, 40)))


def _guards(r: random.Random) -> str:
    checks = r.sample(_NAMES, 12)
    body = "".join(
        f"    if {name.lower()} is None:\n        raise ValueError('missing')\n" for name in checks
    )
    return f"def check({', '.join(name.lower() for name in checks)}):\n{body}    return True\n"


def _html(r: random.Random) -> str:
    columns, rows = r.randint(3, 7), r.randint(4, 10)
    cells = "<td></td>" * columns
    lines = (f"<tr><th>{r.choice(_CITIES)}</th>{cells}</tr>" for _ in range(rows))
    return "<table>\n" + "\n".join(lines) + "\n</table>\n"


def _contents(r: random.Random) -> str:
    lines, page = [], 1
    for chapter in range(1, r.randint(9, 16)):
        title = f"{chapter}. {r.choice(_THINGS).title()} of {r.choice(_CITIES)}"
        lines.append(title + " " + "." * (60 - len(title)) + f" {page}")
        page += r.randint(2, 15)
    return "Contents\n\n" + "\n".join(lines) + "\n"


def _rules(r: random.Random) -> str:
    rule = r.choice(["-", "=", "*", "_", "~", "#"]) * r.choice([40, 60, 72, 80])
    parts = (f"{r.choice(_CITIES)} and {r.choice(_NAMES)}" for _ in range(r.randint(5, 9)))
    return "".join(f"{rule}\n{part}\n{rule}\n\n" for part in parts)


def _long_number(r: random.Random) -> str:
    kind = r.randrange(4)
    if kind == 0:
        whole, rest = divmod(10, n := r.choice([7, 13, 17, 19, 3, 11]))
        digits = str(whole)
        for _ in range(r.randint(120, 300)):
            digits += str(rest * 10 // n)
            rest = rest * 10 % n
        return f"10 / {n} = {digits[0]}.{digits[1:]}..."
    if kind == 1:
        return f"A googol is 1{'0' * 100}, and its square is 1{'0' * 200}."
    if kind == 2:
        return f"2^{(n := r.randint(200, 600))} = {2**n}, in binary 1{'0' * n}."
    return f"{r.randint(30, 60)}! = {__import__('math').factorial(r.randint(60, 130))}"


def _refrain(r: random.Random) -> str:
    who, line = (
        r.choice(_NAMES),
        r.choice(["the wind blows over the sea", "and the bells ring on and on"]),
    )
    call = f"Oh, {who}, come home"
    chorus = f"{call},\n{call},\n{line.capitalize()},\n{call}.\n"
    verse = "In {} I saw the {}\nAnd counted {} in the rain,\n"
    verses = (
        verse.format(r.choice(_CITIES), r.choice(_THINGS), r.randint(2, 99))
        for _ in range(r.randint(4, 7))
    )
    return "\n".join(each + chorus for each in verses)


def _litany(r: random.Random) -> str:
    answer = r.choice(["have mercy on us", "we thank you", "pray for us", "remember them"])
    return "".join(f"For the {thing} of {r.choice(_CITIES)}, {answer}.\n" for thing in _THINGS * 2)


def _counting_song(r: random.Random) -> str:
    n, what = r.randint(8, 14), r.choice(["bottles", "birds", "lanterns"])
    return "\n".join(
        f"{k} green {what} hanging on the wall,\n{k} green {what} hanging on the wall,\n"
        f"And if one green thing should accidentally fall,\n"
        f"There'll be {k - 1} green {what} on the wall.\n"
        for k in range(n, 0, -1)
    )


def _log(r: random.Random) -> str:
    message = r.choice(["connection refused, retrying", "heartbeat ok", "queue empty, sleeping"])
    second, lines = r.randint(0, 20), []
    for n in range(r.randint(15, 40)):
        stamp = second + n * r.choice([0, 1])
        lines.append(f"12:{stamp // 60:02}:{stamp % 60:02} INFO worker: {message}")
    return "\n".join(lines) + "\n"


def _test_output(r: random.Random) -> str:
    name = r.choice(["parser", "store", "api"])
    return "".join(
        f"tests/test_{name}.py::test_case_{n} PASSED\n" for n in range(r.randint(20, 40))
    )


def _knitting(r: random.Random) -> str:
    rib = r.choice(["k2, p2", "k1, p1", "k3, yo, k2tog"])
    rows = (
        f"Row {n}: {', '.join([rib] * r.randint(6, 12))}.\n" for n in range(1, r.randint(8, 16))
    )
    return "Cast on 48 stitches.\n" + "".join(rows)


def _drum_tab(r: random.Random) -> str:
    lines = {"HH": "x-" * 8, "SN": "----o---" * 2, "BD": "o-------" * 2}
    bars = r.randint(3, 5)
    return "\n\n".join(
        "\n".join(f"{k}|{'|'.join([v] * 2)}|" for k, v in lines.items()) for _ in range(bars)
    )


def _hex_dump(r: random.Random) -> str:
    start, zero = r.randrange(0, 2**12, 16), "00 " * 16
    rows = []
    for n in range(r.randint(8, 14)):
        data = zero if r.random() < 0.6 else "".join(f"{r.randrange(256):02x} " for _ in range(16))
        rows.append(f"{start + 16 * n:08x}  {data}|{'.' * 16}|")
    return "\n".join(rows) + "\n"


def _list(r: random.Random) -> str:
    form = r.choice(
        ["{}. Buy {} for {}.", "- [ ] buy {1} for {2}", "Step {}: weigh the {} with {}."]
    )
    return "\n".join(
        form.format(n, r.choice(_THINGS), r.choice(_NAMES)) for n in range(1, r.randint(25, 45))
    )


def _prose(r: random.Random) -> str:
    forms = (
        "{} went to {} and bought {} there.", "It was {} who had seen the {} in {}.",
        "Nobody in {1} knew why {0} wanted {2}.", "In the evening {0} wrote to {1} about the {2}.",
    )  # fmt: skip
    return " ".join(
        r.choice(forms).format(r.choice(_NAMES), r.choice(_CITIES), r.choice(_THINGS))
        for _ in range(40)
    )


KINDS: dict[str, Callable[[random.Random], str]] = {
    "table of zeros": _table_of_zeros, "table": _table, "csv": _csv, "json array": _json_array,
    "matrix": _matrix, "unrolled code": _unrolled_code, "guards": _guards, "html": _html,
    "table of contents": _contents, "rules": _rules, "long number": _long_number, "refrain": _refrain,
    "litany": _litany, "counting song": _counting_song, "log": _log, "test output": _test_output,
    "knitting pattern": _knitting, "drum tab": _drum_tab, "hex dump": _hex_dump, "list": _list,
    "prose": _prose,
}  # fmt: skip
"""By kind; prose is one twenty-first of them."""
