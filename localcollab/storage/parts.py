"""Model files that stand in numbered parts, `name-00001-of-00003.gguf`: which files belong together.

llama.cpp loads all parts by the name of the first. What the parts say of themselves is read by
`llama.header`.
"""

import os
import re
from pathlib import Path

from localcollab.errors import BadModelFile

_PART = re.compile(r"(.*-)(\d{5})(-of-)(\d{5})(\.gguf)", re.IGNORECASE | re.DOTALL)


def part_of(name: str) -> tuple[int, int] | None:
    """(number, how many), from 1, for the name of one of several parts."""
    found = _PART.fullmatch(name)
    if found is None or int(found[4]) < 2:
        return None
    return int(found[2]), int(found[4])


def part_names(name: str) -> tuple[str, ...]:
    """All parts that the name of any of them tells of; itself alone, where it is a whole file's."""
    found = _PART.fullmatch(name)
    if found is None or part_of(name) is None:
        return (name,)
    begin, _, of, count, end = found.groups()
    return tuple(f"{begin}{n:05}{of}{count}{end}" for n in range(1, int(count) + 1))


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that make up a model, whether they are here or not."""
    return tuple(path.with_name(name) for name in part_names(path.name))


def require_parts(path: Path) -> tuple[Path, ...]:
    """Raises `BadModelFile` where another part is named than the first, or one is missing."""
    parts = parts_of(path)
    if path != parts[0]:
        raise BadModelFile(f"{path}: is one of {len(parts)} parts: name the first, {parts[0].name}")
    for part in parts[1:]:
        if not os.path.isfile(part):
            raise BadModelFile(
                f"{path}: its part {part.name} is missing: put all {len(parts)} parts into one folder"
            )
    return parts


def is_here(path: Path) -> bool:
    return all(map(os.path.isfile, parts_of(path)))


def size_on_disk(path: Path) -> int:
    """Bytes of the parts that are here."""
    return sum(part.stat().st_size for part in parts_of(path) if os.path.isfile(part))


def real_path(path: Path) -> Path:
    """Without links; a part keeps its name, by which the others are found. Raises what resolving does."""
    return path.parent.resolve() / path.name if part_of(path.name) else path.resolve()
