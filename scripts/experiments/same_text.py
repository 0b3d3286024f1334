"""How often proposed tokens change a greedy answer, and how close the two tokens were where it parts.

    python scripts/experiments/same_text.py MODEL.gguf --n 500 [--max-tokens 96] [--out FILE.jsonl]
    python scripts/experiments/same_text.py formulary --n 500

A read of several tokens uses other kernels than a read of one, so that quantized weights give other last
digits; on F32 weights no answer changes. Each prompt is answered without and with proposals (nothing is
remembered). At the first token that differs: the logit of the plain answer's token minus that of the
other one, read plainly. Records are appended to FILE, and what is there already is not asked again.
"""

import argparse
import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.catalog import SHIPPED
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.generate import generate
from localcollab.events import Finished
from localcollab.language_model import LanguageModel
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.session import Session
from loops import FORMS, TOPICS

MORE_FORMS = (
    "Describe {} to a child.", "Write a short news report about {}.",
    "What should everybody know about {}?", "Ask me ten questions about {}.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    prompt: str
    n_tokens: int
    proposed: int
    accepted: int
    parts_at: int | None
    """The first token that differs; None: none does."""
    gap: float | None
    """Logits there, of the plain answer's token less the other's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("team")
    parser.add_argument("--models", type=Path, action="append", default=[])
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--depth", type=int, help="always propose so many tokens")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    plan = TeamChoice(team=arguments.team, catalogs=tuple(arguments.models)).plan()
    team = open_team(plan, Options(n_ctx=1024, n_threads=arguments.threads))
    if team.speculation is None:
        raise SystemExit(f"{arguments.team} proposes no tokens")
    speculation = team.speculation.through(lambda model: model)
    speculation.depth = arguments.depth
    known = read_known(arguments.out)
    limits = Limits(max_tokens=arguments.max_tokens)
    for text in prompts(arguments.team, arguments.n, arguments.seed):
        if text in known:
            continue
        asked = text if team.template else f"Question: {text}\nAnswer:"
        known[text] = compare(team.model, Session(team).prompt(asked), speculation, limits, text)
        if arguments.out:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(known[text])) + "\n")
    print(told(list(known.values())))


def prompts(team: str, n: int, seed: int) -> list[str]:
    """General ones; for the team that ships, its own test questions."""
    if team.startswith("formulary"):
        lines = (SHIPPED / "formulary" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        asked = (json.loads(line)["messages"][0]["content"] for line in lines)
        return list(dict.fromkeys(asked))[:n]
    pairs = [form.format(topic) for form in (*FORMS, *MORE_FORMS) for topic in TOPICS]
    return random.Random(seed).sample(pairs, min(n, len(pairs)))


def read_known(path: Path | None) -> dict[str, Compared]:
    if path is None or not path.exists():
        return {}
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {record["prompt"]: Compared(**record) for record in records}


def compare(
    model: LanguageModel,
    prompt: Sequence[int],
    speculation: Speculation,
    limits: Limits,
    text: str,
) -> Compared:
    plain = answered(model, prompt, limits, None)
    proposing = answered(model, prompt, limits, speculation)
    parts_at = first_difference(plain.tokens, proposing.tokens)
    gap = None
    if parts_at is not None and parts_at < min(len(plain.tokens), len(proposing.tokens)):
        row = model.read([*prompt, *plain.tokens[:parts_at]]).logits[-1]
        gap = float(row[plain.tokens[parts_at]] - row[proposing.tokens[parts_at]])
    return Compared(
        text,
        len(plain.tokens),
        sum(each.proposed for each in proposing.drafted.values()),
        sum(each.accepted for each in proposing.drafted.values()),
        parts_at,
        gap,
    )


def answered(
    model: LanguageModel, prompt: Sequence[int], limits: Limits, speculation: Speculation | None
) -> Finished:
    *_, end = generate(model, prompt, limits=limits, speculation=speculation)
    assert isinstance(end, Finished)
    return end


def first_difference(one: Sequence[int], other: Sequence[int]) -> int | None:
    """None: equal. Where one of them ends first: its length."""
    if list(one) == list(other):
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def told(found: Sequence[Compared]) -> str:
    changed = [each for each in found if each.parts_at is not None]
    gaps = sorted(each.gap for each in changed if each.gap is not None)
    tokens = sum(each.n_tokens for each in found)
    proposed, accepted = sum(e.proposed for e in found), sum(e.accepted for e in found)
    lines = [
        f"{len(found)} prompts, {tokens} tokens, {proposed} proposed, {accepted} accepted",
        f"changed texts: {len(changed)}",
    ]
    if gaps:
        lines.append(
            f"logit gap where they part: median {statistics.median(gaps):.3f}, largest {gaps[-1]:.3f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
