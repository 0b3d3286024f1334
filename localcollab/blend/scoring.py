"""Rankers that are language models: the likelihood of an answer, and a judge of two answers."""

from collections.abc import Mapping, Sequence

import numpy as np

from localcollab.blend.candidates import OpenMember
from localcollab.blend.ranking import Compare, Contest, Pair
from localcollab.decoding.encoding import encode_continuation
from localcollab.decoding.likelihood import read_gold
from localcollab.errors import BadOption, ContextFull
from localcollab.language_model import Float32Array, LanguageModel, log_softmax, log_sum_exp
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session, require_room

_LEAST = -100.0
"""Log-probability of a token that a member lacks or gives probability 0: low, but finite."""
_QUESTION = """Which of two answers to a request is better?

Request:
{prompt}

Answer A:
{a}

Answer B:
{b}

Which answer is better? Write A or B, and nothing else."""


def mean_logprob(model: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """Nats per token of `answer` after `prompt`; the end of the answer counts as a token."""
    tokens = [*prompt, *answer]
    gold = read_gold(model, tokens, range(len(prompt), len(tokens)))
    ends = log_softmax(model.read(tokens).logits)[0, sorted(model.vocabulary.end)]
    logprobs = np.maximum([*gold.logprobs, log_sum_exp(ends)[0]], _LEAST)
    return float(logprobs.mean(dtype=np.float64))


def likelihood(
    open_member: OpenMember, names: Sequence[str], contests: Sequence[Contest] = ()
) -> Compare:
    """The difference of mean log-probability, over the members that wrote neither answer; over all if
    there is no such member.

    An author finds its own answer likely, right or wrong. `contests` are read now, member by member.
    """
    known: dict[tuple[str, str], dict[str, np.ndarray]] = {}

    def read(contest: Contest, name: str) -> np.ndarray:
        scores = known.setdefault((contest.prompt, "\0".join(contest.candidates)), {})
        if name not in scores:
            scores[name] = _answer_logprobs(open_member(name), contest)
        return scores[name]

    for name in names if contests else ():
        for contest in contests:
            read(contest, name)

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        found = {name: read(contest, name) for name in names}
        return np.array([_difference(found, contest, pair) for pair in pairs], np.float32)

    return compare


def _difference(found: Mapping[str, np.ndarray], contest: Contest, pair: Pair) -> float:
    a, b = pair
    authors = contest.authors[a] | contest.authors[b]
    others = [scores for name, scores in found.items() if name not in authors]
    return float(np.mean([scores[a] - scores[b] for scores in others or found.values()]))


def _answer_logprobs(team: OpenTeam, contest: Contest) -> np.ndarray:
    prompt = Session(team).prompt(contest.prompt)
    return np.array([_answer_logprob(team, prompt, text) for text in contest.candidates])


def _answer_logprob(team: OpenTeam, prompt: Sequence[int], text: str) -> float:
    require_room(team.model, text, "a candidate")
    answer = encode_continuation(team.model.vocabulary, text)
    _require_place(team, len(prompt) + len(answer), "a candidate")
    return mean_logprob(team.model, prompt, answer)


def judge(open_member: OpenMember, name: str) -> Compare:
    """Asks a model which of two answers is better: the log-probability of "A" minus that of "B"."""

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        team = open_member(name)
        return np.array([_verdict(team, contest, pair) for pair in pairs], np.float32)

    return compare


def _verdict(team: OpenTeam, contest: Contest, pair: Pair) -> float:
    a, b = (contest.candidates[place] for place in pair)
    question = _QUESTION.format(prompt=contest.prompt, a=a, b=b)
    require_room(team.model, question, "the request with two candidates")
    tokens = Session(team).prompt(question)
    _require_place(team, len(tokens), "two candidates")
    logprobs = log_softmax(team.model.read(tokens).logits)[0]
    said = [log_sum_exp(logprobs[_ids_of(team, letter)])[0] for letter in "AB"]
    return float(said[0] - said[1])


def _ids_of(team: OpenTeam, letter: str) -> list[int]:
    """The tokens that start an answer with only this letter."""
    vocabulary = team.model.vocabulary
    ids = {
        tokens[0]
        for text in (letter, f" {letter}")
        if (tokens := encode_continuation(vocabulary, text)) and len(tokens) == 1
    }
    if not ids:
        raise BadOption(
            f"{team.name}: its vocabulary has no token {letter!r}, so it cannot judge: choose another "
            "model"
        )
    return sorted(ids)


def _require_place(team: OpenTeam, n_tokens: int, what: str) -> None:
    """Raises `ContextFull`."""
    if n_tokens > team.model.n_ctx:
        raise ContextFull(
            f"{team.name} has a context of {team.model.n_ctx} tokens, too short for the request with "
            f"{what} ({n_tokens} tokens): give a larger `n_ctx`, or another ranker"
        )
