"""Rankers by name, as a command line or a catalogue writes them: `vote`, `judge(qwen)`, ..."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localcollab.blend.baselines import longest, random_choice, vote
from localcollab.blend.candidates import OpenMember
from localcollab.blend.ranking import Compare, Contest
from localcollab.blend.scoring import judge, likelihood
from localcollab.errors import BadOption

RANKERS = (
    "longest", "random", "vote", "likelihood", "likelihood(MODEL, ...)", "judge(MODEL)",
)  # fmt: skip
_WRITTEN = re.compile(r"(\w+)(?:\(([^()]*)\))?")


@dataclass(frozen=True, slots=True)
class RankerSpec:
    """A ranker that is not open yet."""

    kind: str
    arguments: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Those it names; they must be there to be opened."""
        return self.arguments if self.kind in ("likelihood", "judge") else ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(self.arguments)})" if self.arguments else self.kind


def parse_ranker(text: str) -> RankerSpec:
    """Raises `BadOption`."""
    found = _WRITTEN.fullmatch(text.strip())
    arguments = tuple(part.strip() for part in (found[2] or "").split(",")) if found else ()
    arguments = tuple(filter(None, arguments))
    allowed = {"longest": (0, 0), "random": (0, 0), "vote": (0, 0), "likelihood": (0, 99),
               "judge": (1, 1)}  # fmt: skip
    if found is None or found[1] not in allowed:
        raise BadOption(f"no ranker is called {text!r}: choose one of {', '.join(RANKERS)}")
    least, most = allowed[found[1]]
    if not least <= len(arguments) <= most:
        form = next(ranker for ranker in RANKERS if ranker.startswith(f"{found[1]}"))
        raise BadOption(f"ranker {text!r} names {len(arguments)} models: write {form}")
    return RankerSpec(found[1], arguments)


def open_ranker(
    spec: RankerSpec,
    open_member: OpenMember,
    members: Sequence[str] = (),
    *,
    contests: Sequence[Contest] = (),
    seed: int = 0,
) -> Compare:
    """`members`: who is asked by a `likelihood` that names nobody. `contests` that are given now are
    read at once, so that each model is opened once for all of them. Raises `BadOption`."""
    match spec.kind:
        case "longest":
            return longest()
        case "random":
            return random_choice(seed)
        case "vote":
            return vote()
        case "judge":
            return judge(open_member, spec.arguments[0])
    names = spec.arguments or tuple(members)
    if not names:
        raise BadOption("likelihood has no model to ask: write likelihood(MODEL)")
    return likelihood(open_member, names, contests)
