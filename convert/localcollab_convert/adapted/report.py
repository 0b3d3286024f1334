"""The result of an adapted expert in words: what it cost, what it forgot, and whether it was worth it."""

from collections.abc import Iterator

from localcollab.tuning.verdict import Verdict
from localcollab_convert.adapted import table
from localcollab_convert.adapted.request import AdaptedResult


def lines(team: str, result: AdaptedResult) -> Iterator[str]:
    yield (
        f"{result.adapter}: {result.n_statements} statements of {result.n_texts} texts, "
        f"{result.n_rounds} rounds, {result.n_steps} steps, {result.seconds / 60:.1f} min of training"
    )
    yield f"bits a byte of general text: {_change(result.text)}; of chat answers: {_change(result.chat)}"
    yield "nats a token of answers about the documents and others:"
    for name, value in result.nll.items():
        yield f"  {name:12} {value:.4f}"
    if result.table:
        yield f"{result.table[0].n} questions that no lesson asked:"
        for row in result.table:
            yield f"  {row.who:18} {row.right / row.n:.2f}"
    if result.verdict is not None:
        yield _verdict(result.verdict)
    yield f'the team is ready: localcollab run --team {team} "..."'


def _change(bits: tuple[float, float, float]) -> str:
    base, expert, team = bits
    return (
        f"{base:.3f} the base, {expert / base - 1:+.1%} the expert, {team / base - 1:+.1%} the team"
    )


def _verdict(verdict: Verdict) -> str:
    """The team without passages beside the base that reads them: by the rule of `tune`."""
    if verdict.decision == "team":
        return (
            f"the expert is worth it: the team alone beats {table.BASE_READS} ({_counts(verdict)})"
        )
    if verdict.decision == "member":
        return (
            f"retrieval alone is as good ({_counts(verdict)}): ask the base with --docs, which needs no "
            "training"
        )
    return (
        f"these questions cannot tell whether {table.TEAM} or {table.BASE_READS} is better "
        f"({_counts(verdict)})"
    )


def _counts(verdict: Verdict) -> str:
    return f"right alone: {verdict.wins} and {verdict.losses} of {verdict.n}"
