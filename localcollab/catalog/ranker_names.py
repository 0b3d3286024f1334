"""How a ranker is written on a command line and in a catalogue: `vote`, `judge(qwen)`, ..."""

import re
from dataclasses import dataclass

from localcollab.errors import BadOption

RANKERS = {
    "longest": ("longest", 0, 0),
    "random": ("random", 0, 0),
    "vote": ("vote", 0, 0),
    "confidence": ("confidence", 0, 0),
    "likelihood": ("likelihood(MODEL, ...), or likelihood alone", 0, 99),
    "judge": ("judge(MODEL)", 1, 1),
    "pairranker": ("pairranker(FOLDER)", 1, 1),
}
"""By name: its form, and the minimum and maximum number of arguments."""
_WRITTEN = re.compile(r"(\w+)(?:\(([^()]*)\))?")


@dataclass(frozen=True, slots=True)
class RankerSpec:
    """A ranker that is not open yet."""

    kind: str
    arguments: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The models it names, which must exist."""
        return self.arguments if self.kind in ("likelihood", "judge") else ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(self.arguments)})" if self.arguments else self.kind


def parse_ranker(text: str) -> RankerSpec:
    """Raises `BadOption`."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None or found[1] not in RANKERS:
        known = ", ".join(form for form, _, _ in RANKERS.values())
        raise BadOption(f"`ranker` is {text!r}, which is not known: choose one of {known}")
    parts = (part.strip() for part in (found[2] or "").split(","))
    arguments = tuple(filter(None, parts))
    form, least, most = RANKERS[found[1]]
    if not least <= len(arguments) <= most:
        raise BadOption(f"ranker {text!r} has {len(arguments)} names: write {form}")
    return RankerSpec(found[1], arguments)
