"""Rankers that are language models: what is likely under them, and what they judge better."""

from collections.abc import Mapping, Sequence

import numpy as np

from localcollab.assembly import OpenTeam
from localcollab.blend.ranking import Compare, Contest, Pair
from localcollab.encoding import encode_continuation
from localcollab.errors import BadOption, ContextFull
from localcollab.language_model import Float32Array, LanguageModel, log_softmax, log_sum_exp
from localcollab.session import Session, require_room

_ROWS = 64
"""Positions with logits that are held at once: a long answer over a large vocabulary takes gigabytes."""
_QUESTION = """Which of two answers to a request is better?

Request:
{prompt}

Answer A:
{a}

Answer B:
{b}

Which answer is better? Write A or B, and nothing else."""


def mean_logprob(model: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """Nats a token of `answer` behind `prompt`, the end of the answer counted as a token of it."""
    tokens = [*prompt, *answer]
    total = 0.0
    for at in range(0, len(answer) + 1, _ROWS):
        wanted = answer[at : at + _ROWS]
        ends = at + _ROWS > len(answer)
        n_rows = len(wanted) + ends
        reading = model.read(tokens[: len(prompt) + at + n_rows - 1], last=n_rows)
        logprobs = log_softmax(reading.logits)
        total += float(logprobs[np.arange(len(wanted)), wanted].sum(dtype=np.float64))
        if ends:
            total += float(log_sum_exp(logprobs[-1, sorted(model.vocabulary.end)])[0])
    return total / (len(answer) + 1)


def likelihood(teams: Mapping[str, OpenTeam]) -> Compare:
    """How likely each answer is to the members that wrote neither; to all, where there is no such one.

    Mean over those members of nats a token: an author finds its own answer likely, right or wrong.
    """

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        found = {
            name: np.array([_answer_logprob(team, contest.prompt, c) for c in contest.candidates])
            for name, team in teams.items()
        }
        return np.array([_difference(found, contest, pair) for pair in pairs], np.float32)

    return compare


def _difference(found: Mapping[str, np.ndarray], contest: Contest, pair: Pair) -> float:
    a, b = pair
    authors = contest.authors[a] | contest.authors[b]
    others = [scores for name, scores in found.items() if name not in authors]
    return float(np.mean([scores[a] - scores[b] for scores in others or found.values()]))


def _answer_logprob(team: OpenTeam, prompt: str, text: str) -> float:
    require_room(team.model, text, "a candidate")
    tokens = Session(team).prompt(prompt)
    answer = encode_continuation(team.model.vocabulary, text)
    require_place(team, len(tokens) + len(answer), "a candidate")
    return mean_logprob(team.model, tokens, answer)


def judge(team: OpenTeam) -> Compare:
    """The log-probability of "A" against "B", asked which of two answers is better. No training."""

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        return np.array([_verdict(team, contest, pair) for pair in pairs], np.float32)

    return compare


def _verdict(team: OpenTeam, contest: Contest, pair: Pair) -> float:
    a, b = (contest.candidates[place] for place in pair)
    question = _QUESTION.format(prompt=contest.prompt, a=a, b=b)
    require_room(team.model, question, "the request with two candidates")
    tokens = Session(team).prompt(question)
    require_place(team, len(tokens), "two candidates")
    logprobs = log_softmax(team.model.read(tokens).logits)[0]
    said = [log_sum_exp(logprobs[_ids_of(team, letter)])[0] for letter in "AB"]
    return float(said[0] - said[1])


def _ids_of(team: OpenTeam, letter: str) -> list[int]:
    """The tokens that begin an answer with this letter alone."""
    vocabulary = team.model.vocabulary
    ids = {
        tokens[0]
        for text in (letter, f" {letter}")
        if (tokens := encode_continuation(vocabulary, text)) and len(tokens) == 1
    }
    if not ids:
        raise BadOption(
            f"{team.name}: its vocabulary has no token {letter!r}, so it cannot judge: name another "
            "model"
        )
    return sorted(ids)


def require_place(team: OpenTeam, n_tokens: int, what: str) -> None:
    """Raises `ContextFull`."""
    if n_tokens > team.model.n_ctx:
        raise ContextFull(
            f"{team.name} has a context of {team.model.n_ctx} tokens, too short for the request with "
            f"{what} ({n_tokens} tokens): give a larger n_ctx, or another ranker"
        )
