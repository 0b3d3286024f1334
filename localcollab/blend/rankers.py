"""A ranker by name -> the function that compares, and the rankers that read no model.

How rankers are written is `localcollab.catalog.ranker_names`; those that are language models are in
`scoring`, trained ones in `pair_ranker`.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from localcollab.blend.candidates import OpenMember
from localcollab.blend.ranking import Compare, Contest, Pair
from localcollab.blend.scoring import judge, likelihood
from localcollab.catalog.ranker_names import RankerSpec
from localcollab.errors import BadOption
from localcollab.language_model import Float32Array

Score = Callable[[Contest], Float32Array]
"""(n_candidates,): how good each is, by itself."""
_MARKED = re.compile(r"(?:\\boxed\{([^{}]+)\}|####\s*(.+)|answer\s*(?:is|:)\s*(.+))", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


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
        case "confidence":
            return by_confidence()
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


def by_score(score: Score) -> Compare:
    """The logit of a pair is the difference of its scores."""

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        scores = score(contest)
        firsts, seconds = np.array(pairs, np.int64).reshape(-1, 2).T
        difference: Float32Array = scores[firsts] - scores[seconds]
        return difference

    return compare


def longest() -> Compare:
    """log of the ratio of the lengths in characters: models and judges alike prefer long answers."""
    return by_score(lambda c: np.log1p(np.array([len(text) for text in c.candidates], np.float32)))


def random_choice(seed: int = 0) -> Compare:
    """By a hash of the texts: the same contest is always decided alike."""

    def score(contest: Contest) -> Float32Array:
        return np.array([_hash(seed, contest.prompt, text) for text in contest.candidates])

    return by_score(score)


def _hash(seed: int, prompt: str, text: str) -> np.float32:
    parts = "\0".join((str(seed), prompt, text)).encode("utf-8", "surrogatepass")
    return np.float32(int.from_bytes(hashlib.sha256(parts).digest()[:3]) / 2**24)


def vote() -> Compare:
    """log of the ratio of votes: how many candidates give the same final answer
    (self-consistency, arXiv:2203.11171)."""

    def score(contest: Contest) -> Float32Array:
        finals = [final_answer(text) for text in contest.candidates]
        votes: dict[str, int] = {}
        for final, count in zip(finals, contest.counts, strict=True):
            votes[final] = votes.get(final, 0) + count
        return np.log(np.array([votes[final] for final in finals], np.float32))

    return by_score(score)


def by_confidence() -> Compare:
    """The difference of mean log-probability, each by the member that wrote the answer."""

    def score(contest: Contest) -> Float32Array:
        if not contest.confidences:
            raise BadOption(
                "`ranker` is confidence, which ranks what models wrote just now: use it in a blend"
            )
        return np.array(contest.confidences, np.float32)

    return by_score(score)


def final_answer(text: str) -> str:
    r"""What a vote counts: what stands in `\boxed{}`, behind `####` or "answer is"; else the last
    number of the last line, else the whole text. Case, white space and the last stop do not count."""
    if marked := _MARKED.findall(text):
        return _folded(next(filter(None, marked[-1])))
    lines = text.strip().splitlines()
    if lines and (numbers := _NUMBER.findall(lines[-1])):
        return _folded(numbers[-1])
    return _folded(text)


def _folded(text: str) -> str:
    folded = " ".join(text.split()).casefold().strip(" .!*$")
    return folded.replace(",", "") if _NUMBER.fullmatch(folded) else folded
