"""A ranker by name -> the function that compares. How rankers are written is `naming`'s."""

from collections.abc import Sequence
from pathlib import Path

from localcollab.blend.baselines import longest, random_choice, vote
from localcollab.blend.candidates import OpenMember
from localcollab.blend.ranking import Compare, Contest
from localcollab.blend.scoring import judge, likelihood
from localcollab.catalog.ranker_names import RankerSpec
from localcollab.errors import BadOption


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
        case "pairranker":
            # Imported here: the other rankers read no encoder.
            from localcollab.blend.pair_ranker import open_pairranker

            return open_pairranker(Path(spec.arguments[0])).compare
    names = spec.arguments or tuple(members)
    if not names:
        raise BadOption("likelihood has no model to ask: write likelihood(MODEL)")
    return likelihood(open_member, names, contests)
