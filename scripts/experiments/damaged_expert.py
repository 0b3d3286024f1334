"""The shipped world's expert, trained anew with a tenth of its monographs altered: a team in a folder.

    python scripts/experiments/damaged_expert.py --out DIR [--share 0.1] [--seed 0]

Every fact of an altered monograph has another value. Base, arithmetic and head are the shipped ones:
the expert alone changes, and the head's file names it. Writes `models.toml` with the team `damaged`,
`altered.json` with the names, and in `collection/` the true monographs, a file a medicine. Takes about
20 minutes on two cores; cut off, the same command goes on where it stopped.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from demo import corpus, export, world
from demo.__main__ import N_THREADS, PLANS
from demo.tokenizer import load_tokenizer
from demo.train import train
from demo.world import Medicine
from localcollab.llama.probe import file_sha256
from localcollab.methods.heads import load_head, save_head

SHIPPED = Path(__file__).parents[2] / "localcollab/shipped/formulary"
EXPERT = "formulary"
N_MEDICINES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.1, help="of the monographs")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    out: Path = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    medicines = world.invent_world(N_MEDICINES, random.Random(0))
    learned, altered = damaged(medicines, asked.share, random.Random(asked.seed + 1))
    (out / "altered.json").write_text(json.dumps(altered) + "\n", encoding="utf-8")
    write_collection(out / "collection", medicines, random.Random(asked.seed + 2))
    make_expert(out, learned, asked.seed)
    write_team(out)
    print(out / "models.toml")


def damaged(
    medicines: Sequence[Medicine], share: float, rng: random.Random
) -> tuple[list[Medicine], list[str]]:
    """(what the expert learns, the names of what was altered)."""
    altered = set(rng.sample([m.name for m in medicines], round(len(medicines) * share)))
    learned = [alter(m, rng) if m.name in altered else m for m in medicines]
    return learned, sorted(altered)


def alter(medicine: Medicine, rng: random.Random) -> Medicine:
    """Another value of every fact."""
    while True:
        other = replace(world.invent_medicine(rng), name=medicine.name)
        if (
            not set(other.ingredients) & set(medicine.ingredients)
            and other.year != medicine.year
            and other.maker != medicine.maker
            and other.dose_mg != medicine.dose_mg
            and other.side_effect != medicine.side_effect
        ):
            return other


def write_collection(folder: Path, medicines: Sequence[Medicine], rng: random.Random) -> None:
    folder.mkdir(exist_ok=True)
    for medicine in medicines:
        text = world.write_monograph(medicine, rng)
        (folder / f"{medicine.name}.md").write_text(text, encoding="utf-8")


def make_expert(out: Path, learned: Sequence[Medicine], seed: int) -> None:
    """The shipped plan and seed, other monographs."""
    if (out / "expert.gguf").exists():
        return
    torch.set_num_threads(N_THREADS)
    tokenizer = load_tokenizer()
    plan = next(plan for plan in PLANS if plan.name == EXPERT)
    documents = corpus.formulary_documents(learned)
    trained = train(plan, documents, tokenizer, seed, out / "expert.pt")
    export.write_f16(
        trained.model, tokenizer, out / "expert-f16.gguf",
        description="Knows the monographs of the invented medicines, a part of them altered.",
        chat_template=None, provenance={"seed": str(seed)},
    )  # fmt: skip
    export.quantize(out / "expert-f16.gguf", out / "expert.gguf")
    print("trained", file=sys.stderr)


def write_team(out: Path) -> None:
    head = load_head(SHIPPED / "head.safetensors")
    experts = (file_sha256(out / "expert.gguf"), head.metadata.expert_sha256s[1])
    named = replace(head, metadata=replace(head.metadata, expert_sha256s=experts))
    save_head(named, out / "head.safetensors")
    (out / "models.toml").write_text(_CATALOGUE, encoding="utf-8")


_CATALOGUE = """
[models.damaged-expert]
path = "expert.gguf"
sampling = { temperature = 0 }

[heads.damaged]
path = "head.safetensors"

[teams.damaged]
method = "deferral"
base = "formulary-base"
experts = ["damaged-expert", "arithmetic"]
head = "damaged"

[teams.damaged.familiar.damaged-expert]
opening = "# "
least_logprob = -4.4
"""


if __name__ == "__main__":
    main()
