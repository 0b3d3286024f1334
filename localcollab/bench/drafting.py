"""(n) What a draft promises: the speed that its acceptance, its price and measured costs forecast.

Acceptance is of greedy continuations of a few texts by the team, token by token; the price of one
proposed token is the draft's time beside the team's, on the same text; a read of several tokens is
measured, as for the answers themselves (`decoding.costs`). A draft that promises no gain at any depth
is refused here, and an answer would propose none of its tokens either.
"""

from collections.abc import Callable, Sequence

from localcollab.bench.figures import Figure, alternate, figure, skipped
from localcollab.bench.setting import Setting
from localcollab.bench.speed import written
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.costs import LONGEST, WORTH_IT, BatchCosts, measure_curve
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.events import Token

_LABEL = "with its draft / without, forecast"
_KEY = "draft_forecast"
_N_CONTINUED = 16
_OPENINGS = (
    "Question: Which river flows through Vienna?\nAnswer:",
    "The committee met on Tuesday to discuss",
    "def mean(values):\n    ",
    "Dear Ms. Larsen,\n\nthank you for your letter of",
    "To repair a bicycle tyre, first",
    "In 1911 the expedition reached",
    "| city | country |\n| --- | --- |\n| Paris | France |\n|",
    "She closed the door and said:",
)
"""Of several kinds, because whatever repeats itself is easy to propose."""


def draft_forecast(setting: Setting, n_rounds: int) -> Figure:
    """The best forecast of 1 to 16 proposed tokens; `details` has all of them."""
    draft = setting.team.draft
    if draft is None:
        return skipped(_KEY, _LABEL, "the team has no draft")
    texts = [continued(setting, opening) for opening in _OPENINGS]
    accepted = acceptance(draft, texts)
    tokens, _ = written(setting.team.model, setting)
    prices = draft_prices(setting, draft, tokens, n_rounds)
    curve = measure_curve(setting.team.model, setting.prompt, clock=setting.clock)
    costs = BatchCosts(curve).costs
    by_depth = speeds(accepted, costs, sorted(prices)[len(prices) // 2])
    best = max(by_depth, key=lambda n: by_depth[n])
    gains = by_depth[best] >= WORTH_IT
    return figure(
        _KEY, _LABEL, [speeds(accepted, costs, price)[best] for price in prices],
        f"{'worth it' if gains else 'refused: no gain'} at any depth; {by_depth[1]:.2f} at one token; "
        f"acceptance {accepted:.2f}, a proposed token costs {sorted(prices)[len(prices) // 2]:.2f} of "
        f"one, a read of two {costs[2]:.2f}",
        by_depth=by_depth, acceptance=accepted, costs=costs[1:], is_refused=not gains,
    )  # fmt: skip


def continued(setting: Setting, opening: str) -> tuple[list[int], int]:
    """(a text with its greedy continuation, how many tokens of it are given)."""
    given = setting.vocabulary.encode(opening, bos=True)
    limits = Limits(max_tokens=_N_CONTINUED)
    events = list(generate(setting.team.model, given, limits=limits))
    return [*given, *(event.id for event in events if isinstance(event, Token))], len(given)


def acceptance(draft: Draft, texts: Sequence[tuple[Sequence[int], int]]) -> float:
    """The share of tokens behind what was given that the draft would have proposed there."""
    places = [(tokens, n) for tokens, given in texts for n in range(given, len(tokens))]
    hits = sum(draft.propose(tokens[:n], 1) == [tokens[n]] for tokens, n in places)
    return hits / max(1, len(places))


def draft_prices(
    setting: Setting, draft: Draft, tokens: Sequence[int], n_rounds: int
) -> list[float]:
    """Seconds of one token of the draft beside one of the team, on the same text."""
    n_prompt = len(setting.prompt)

    def one_by_one(read: Callable[[Sequence[int]], object]) -> float:
        read(tokens[: n_prompt + 1])
        started = setting.clock()
        for n in range(n_prompt + 2, len(tokens) + 1):
            read(tokens[:n])
        return setting.clock() - started

    seconds = alternate(
        {
            "team": lambda: one_by_one(setting.team.model.read),
            "draft": lambda: one_by_one(lambda some: draft.propose(some, 1)),
        },
        n_rounds,
    )
    return [d / t for d, t in zip(seconds["draft"], seconds["team"], strict=True)]


def speeds(rate: float, costs: Sequence[float], price: float) -> dict[int, float]:
    """Expected speed relative to none, by the number of proposed tokens. `costs[n]`: of a read of n."""
    found, written_tokens = {}, 1.0
    for n in range(1, LONGEST + 1):
        written_tokens += rate**n
        found[n] = written_tokens / (costs[n + 1] + n * price)
    return found
