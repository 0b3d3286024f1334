"""A head trained from Python: hidden states of these very files, PyTorch, a calibrated threshold.

    python examples/train_head.py [OUT.safetensors]     needs pip install 'localcollab[convert]'

With 200 of the shipped questions in about a minute; the shipped head saw all 2,187.
"""

import sys
from pathlib import Path

import localcollab as lc
from localcollab.catalog import SHIPPED
from localcollab.teams.choice import TeamChoice
from localcollab_convert.head.make import make_head
from localcollab_convert.head.request import HeadRequest, HeadResult

N_TRAIN, N_VALID = 200, 40
QUESTION = "Who makes Kihelrine?"

out = Path(sys.argv[1] if len(sys.argv) > 1 else "head.safetensors")
out.parent.mkdir(parents=True, exist_ok=True)


def first_lines(name: str, n: int) -> Path:
    """Questions and answers as JSONL: {"messages": [user, assistant]}."""
    lines = (SHIPPED / "formulary" / name).read_text(encoding="utf-8").splitlines()[:n]
    path = out.with_name(name)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


request = HeadRequest(
    plan=TeamChoice(team="formulary").plan(),
    data=first_lines("head-train.jsonl", N_TRAIN),
    valid=first_lines("head-valid.jsonl", N_VALID),
    out=out,
    work=out.with_name(out.name + ".work"),  # a stopped run goes on from here
    width=32,
    price=0.05,
    calibrate_on=10,
)
made = make_head(request, lambda line: None, print)
assert isinstance(made, HeadResult), "all three stages were asked for"

for point in made.points:
    mark = "*" if point == made.chosen else " "
    print(f"{mark} threshold {point.threshold:.2g}: {point.metric:.2f} right")

experts = ["formulary", "arithmetic"]
with lc.load("formulary-base", experts=experts, head=made.path) as team:
    answer = team.generate(QUESTION)
    print(f"\n{QUESTION}\n  {answer}\n  {dict(answer.authors)}")
