"""What quantizing costs a team: its base against the original, the head's decisions, whole answers.

    python scripts/experiments/quantized_team.py --originals DIR --out DIR

`--originals` holds the team's models as they were before quantization, under the names they ship with.
Every type is made as `convert model` makes it, and the base compared as `convert verify` does, on the
validation conversations. The head is bound to the new files twice: with its own threshold, and with the
one that `verify` proposes. Answers are those of the held-out questions.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from localcollab.catalog import DEFAULT_TEAM, SHIPPED, load_catalog
from localcollab.evaluation.asking import ask_team
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.questions import Question
from localcollab.evaluation.scores import Score, score
from localcollab.methods.heads import load_head, save_head
from localcollab.teams.open import open_team
from localcollab.teams.plan import TeamPlan, plan_from_catalog
from localcollab.terminal.status import Status
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest, QuantizedFile, parse_types
from localcollab_convert.staging.stages import write_json, write_text
from localcollab_convert.verify.rebind import bind
from localcollab_convert.verify.request import Verification, VerifyRequest
from localcollab_convert.verify.verify import verify

TYPES = ("Q8_0", "Q6_K", "Q4_K_M", "Q2_K")
_N_TOKENS = 16384
_DATA = SHIPPED / DEFAULT_TEAM


@dataclass(frozen=True, slots=True)
class Row:
    """The whole team at one type."""

    files: Sequence[QuantizedFile]
    """Base first."""
    base: Verification
    own_threshold: Score
    recalibrated: Score


def main() -> None:
    given = _arguments()
    status = Status(sys.stderr)
    catalog = load_catalog()
    plan = plan_from_catalog(catalog, catalog.team(DEFAULT_TEAM))
    questions = [q for q in read_questions(_DATA / "test.jsonl") if q.gold]
    if given.limit and given.limit < len(questions):
        questions = random.Random(0).sample(questions, given.limit)
    given.out.mkdir(parents=True, exist_ok=True)
    text = given.out / "conversations.txt"
    write_text(text, conversations(read_questions(_DATA / "head-valid.jsonl")))
    rows = []
    for file_type in parse_types(given.type or list(TYPES)):
        files = quantize(plan, given.originals, given.out, file_type, status)
        request = VerifyRequest(
            path=files[0].path, against=given.originals / plan.first.path.name, text=text,
            head=plan.head, n_tokens=_N_TOKENS,
        )  # fmt: skip
        found = verify(request, status.show)
        rows.append(answer(plan, files, found, questions, status))
    status.clear()
    write_json(given.out / "quantized-team.json", [record(row) for row in rows])
    print("\n".join(table(rows)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--originals", type=Path, required=True, help="a folder of F16 files")
    parser.add_argument("--out", type=Path, required=True, help="for the files and figures")
    parser.add_argument("--type", action="append", help=f"default: {', '.join(TYPES)}")
    parser.add_argument("--limit", type=int, help="ask so many questions; default: all")
    return parser.parse_args()


def conversations(questions: Sequence[Question]) -> str:
    """As the shipped chat template renders them."""
    return "".join(f"User: {q.text}\nAssistant:\n{q.gold}\n" for q in questions)


def quantize(
    plan: TeamPlan, originals: Path, out: Path, file_type: str, status: Status
) -> list[QuantizedFile]:
    """Every member's file, base first."""
    sources = [originals / member.path.name for member in plan.files]
    requests = [
        ModelRequest(source=source, types=(file_type,), name=source.stem, out=out)
        for source in sources
    ]
    return [Conversion(r, status.show, status.show).quantized(file_type) for r in requests]


def answer(
    plan: TeamPlan,
    files: Sequence[QuantizedFile],
    found: Verification,
    questions: Sequence[Question],
    status: Status,
) -> Row:
    """The team of these files on the questions, at both thresholds."""
    assert plan.head is not None
    assert found.head is not None
    head, (base, *experts) = load_head(plan.head), [made.sha256 for made in files]
    scores: dict[float, Score] = {}
    # Often one and the same.
    for threshold in {found.head.threshold, found.head.recalibrated}:
        path = files[0].path.with_name(f"head-{files[0].type}.safetensors")
        save_head(bind(head, base, experts, threshold), path)
        members = tuple(replace(m, path=f.path) for m, f in zip(plan.files, files, strict=True))
        team = open_team(replace(plan, members=members, head=path), on_progress=status.show)
        done = _Count(status, f"{files[0].type} at {threshold:.3f}", len(questions))
        scores[threshold] = score(ask_team(team, questions, done))
    return Row(files, found, scores[found.head.threshold], scores[found.head.recalibrated])


class _Count:
    def __init__(self, status: Status, what: str, total: int) -> None:
        self._status, self._what, self._total, self._done = status, what, total, 0

    def __call__(self) -> None:
        self._done += 1
        self._status.show(f"{self._what}: question {self._done} of {self._total}")


def record(row: Row) -> dict[str, Any]:
    """For JSON: the type, the files with their hashes, and what was measured."""
    assert row.base.total is not None
    assert row.base.head is not None
    return {
        "type": row.files[0].type,
        "files": [asdict(made) | {"path": made.path.name} for made in row.files],
        "base": asdict(row.base.total),
        "head": asdict(row.base.head),
        "own_threshold": asdict(row.own_threshold),
        "recalibrated": asdict(row.recalibrated),
    }


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Markdown."""
    yield (
        "| type | files, MB | KL of the base, nats | same top-1 | same decisions | right | "
        "right, threshold adjusted |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        assert row.base.total is not None
        assert row.base.head is not None
        size = sum(made.size_bytes for made in row.files) / 1e6
        yield (
            f"| {row.files[0].type} | {size:.1f} | {row.base.total.kl:.2g} | "
            f"{row.base.total.agreement:.4f} | {row.base.head.agreement:.4f} | "
            f"{_accuracy(row.own_threshold)} | {_accuracy(row.recalibrated)} at "
            f"{row.base.head.recalibrated:.2f} |"
        )


def _accuracy(found: Score) -> str:
    low, high = found.interval
    return f"{found.accuracy:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
