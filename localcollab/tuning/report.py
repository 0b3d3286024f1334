"""A `TuneResult` as text and as JSON: what was tried, what was quoted, and one verdict."""

import json
from collections.abc import Iterator

from localcollab.tuning.result import Measured, TuneResult
from localcollab.tuning.verdict import Verdict


def as_json(result: TuneResult) -> str:
    return json.dumps(result.record(), indent=1)


def as_text(result: TuneResult, name: str) -> str:
    """`name`: of the team that was written."""
    return "\n".join(_lines(result, name))


def _lines(result: TuneResult, name: str) -> Iterator[str]:
    rows = [*result.singles, *result.teams]
    width = max(len(_title(row)) for row in (*rows, *result.members))
    yield f"tried on {result.n_choose} questions:"
    for row in rows:
        yield f"  {_title(row):{width}}  {row.accuracy:.3f}{_rate(row)}"
    yield f"on {result.n_quote} other questions, which chose neither forms nor team:"
    quoted = [row for row in (result.winner, *result.members) if row is not None]
    width = max(len(_title(row)) for row in quoted)
    for row in quoted:
        yield f"  {_title(row):{width}}  {_share(row)}  {row.ms_per_token:8.1f} ms a token"
    beta = result.together
    yield (
        f"every member wrong: {beta.beta:.3f} ({beta.low:.3f} .. {beta.high:.3f}); picking among whole "
        f"answers reaches {beta.bound:.3f} at most, mixing tokens may reach more"
    )
    yield verdict_line(result)
    if result.written:
        yield f"written to {result.written}: localcollab run --team {name} ..."


def verdict_line(result: TuneResult) -> str:
    best, winner, verdict = result.best, result.winner, result.verdict
    if winner is None or verdict is None:
        return f"verdict: use {_title(best)} (there was no team to try)"
    shares = f"{winner.accuracy:.3f} against {best.accuracy:.3f} of {verdict.n}"
    compared = f"{shares}, p = {verdict.p:.2g} (McNemar, exact)"
    return f"verdict: {_decision(winner, best, verdict)}: {compared}"


def _decision(winner: Measured, best: Measured, verdict: Verdict) -> str:
    match verdict.decision:
        case "team":
            return f"use this team ({winner.name})"
        case "member" if verdict.losses > verdict.wins and verdict.p < 0.05:
            return f"use {_title(best)} alone"
        case "member":
            return (
                f"use {_title(best)} alone (the team gains at most {verdict.highest_gain:.3f}, and costs "
                "more)"
            )
    return f"not known: about {verdict.n_more} more questions; until then {_title(best)} costs less"


def _title(row: Measured) -> str:
    """With its form, unless that is its own."""
    return row.name if row.form == "own" else f"{row.name} [{row.form}]"


def _share(row: Measured) -> str:
    low, high = row.interval
    return f"{row.accuracy:.3f} ({low:.3f} .. {high:.3f})"


def _rate(row: Measured) -> str:
    return "" if row.rate is None else f"  experts write {row.rate:.0%}"
