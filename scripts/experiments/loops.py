"""Greedy answers of a real model, to see how it loops: one JSON record an answer.

    python scripts/experiments/loops.py MODEL.gguf --n 200 --out loops.jsonl [--max-tokens 800] [--seed 0]

The detector of repetition is off. An answer ends by itself, at the limit, or when its last 300 tokens
have one period of at most 128. Records are appended, and what is there already is not asked again.
"""

import argparse
import json
import random
import time
from pathlib import Path

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.events import Token
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session

TOPICS = (
    "the French Revolution", "photosynthesis", "a bicycle repair shop", "the sea at night",
    "prime numbers", "my grandmother's garden", "black holes", "a letter to a landlord",
    "bread", "the history of tea", "a robot that learns to paint", "vitamin D",
    "how a bill becomes a law", "sorting algorithms", "the Roman aqueducts", "a job interview",
    "loneliness", "chess openings", "recycling", "a train journey",
    "volcanoes", "the printing press", "first aid for burns", "jazz",
    "compound interest", "bees", "a desert", "learning the violin",
    "the moon", "taxes", "a lost dog", "winter",
    "Python dictionaries", "electric cars",
)  # fmt: skip
FORMS = (
    "Write a long story about {}.", "Explain {} in detail.", "List 30 facts about {}.",
    "Write a poem of ten stanzas about {}.", "Write a long dialogue between two people about {}.",
    "What are the advantages and disadvantages of {}? Give many examples.",
    "Write a table with twenty rows about {}.",
    "Repeat the most important thing about {} in many words.",
    "Write Python code that deals with {}.", "Give me a step-by-step plan of 40 steps about {}.",
    "Summarise {} in one sentence, then explain every word of it.",
    "Write a quiz of 25 questions about {}.",
)  # fmt: skip


def prompts(n: int, seed: int) -> list[str]:
    pairs = [form.format(topic) for form in FORMS for topic in TOPICS]
    return random.Random(seed).sample(pairs, min(n, len(pairs)))


def loop_of(tokens: list[int], longest: int = 128) -> tuple[int, int] | None:
    """(period, length) of the longest periodic end; None below 3 copies and 60 tokens."""
    best: tuple[int, int] | None = None
    for period in range(1, longest + 1):
        run = 0
        while run + period < len(tokens) and tokens[-1 - run] == tokens[-1 - run - period]:
            run += 1
        length = run + period
        if length >= max(3 * period, 60) and (best is None or length > best[1] + period):
            best = (period, length)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max-tokens", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    known = set()
    if arguments.out.exists():
        known = {json.loads(line)["prompt"] for line in arguments.out.open(encoding="utf-8")}
    options = Options(n_ctx=2048, n_threads=1)
    team = open_team(plan_from_files(arguments.model, []), options)
    limits = Limits(max_tokens=arguments.max_tokens, ends_loops=False)
    for prompt in prompts(arguments.n, arguments.seed):
        if prompt in known:
            continue
        text = prompt if team.template else f"Question: {prompt}\nAnswer:"
        ids = Session(team).prompt(text)
        tokens: list[int] = []
        started = time.perf_counter()
        for event in generate(team.model, ids, limits=limits):
            if isinstance(event, Token):
                tokens.append(event.id)
                if len(tokens) % 50 == 0:
                    loop = loop_of(tokens)
                    if loop and loop[1] >= max(300, 5 * loop[0]):
                        break
        pieces = [team.model.vocabulary.piece(token).decode("utf-8", "replace") for token in tokens]
        record = {
            "model": arguments.model.name, "prompt": prompt, "tokens": tokens,
            "text": "".join(pieces), "loop": loop_of(tokens),
            "seconds": round(time.perf_counter() - started, 1),
        }  # fmt: skip
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
