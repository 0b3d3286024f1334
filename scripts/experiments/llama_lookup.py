"""The base alone with proposed tokens, beside llama-cpp-python's own prompt lookup on the same file.

    python scripts/experiments/llama_lookup.py MODEL.gguf [--rounds 3] [--threads 2]

llama.cpp's own speculation (`common/speculative.cpp`, `llama-lookup`, `llama-server --draft`) is a part
of its programs and not of the library that llama-cpp-python brings, so it has no API here. What has one
is `Llama(draft_model=LlamaPromptLookupDecoding(10))`, in Python: proposals of 10 tokens after the longest
match of 2 tokens. Both answer the same prompts, greedily, in one process, in turn; tokens a second after
the first one. The other side loads the file by itself, with the defaults of its package: where those
crash (see `localcollab doctor`), it cannot be measured.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from localcollab.bench.setting import Setting, open_setting
from localcollab.bench.speculative import ending, fresh, prompts_of, timed
from localcollab.bench.texts import ASKED, PASSAGE, QUESTIONS
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.teams.plan import plan_from_files

MAX_TOKENS = 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    setting = open_setting(
        plan_from_files(arguments.model, []), lambda line: print(line, file=sys.stderr)
    )
    for context in setting.team.contexts:
        context.set_threads(arguments.threads)
    theirs = open_theirs(arguments.model, setting.team.model.n_ctx, arguments.threads)
    kinds = {"chat": QUESTIONS, "quote": tuple(f"{PASSAGE}\n\n{each}" for each in ASKED)}
    with ending(setting):
        for kind, questions in kinds.items():
            speeds = [
                speeds_of(setting, theirs, prompt)
                for _ in range(arguments.rounds)
                for prompt in prompts_of(setting, questions)
            ]
            print(json.dumps({"kind": kind, **summary(speeds)}), flush=True)


def open_theirs(path: Path, n_ctx: int, n_threads: int) -> Any:
    from llama_cpp import Llama
    from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

    return Llama(
        str(path), n_ctx=n_ctx, n_threads=n_threads, n_threads_batch=n_threads, verbose=False,
        draft_model=LlamaPromptLookupDecoding(num_pred_tokens=10),
    )  # fmt: skip


def speeds_of(setting: Setting, theirs: Any, prompt: list[int]) -> tuple[float, float, float]:
    """Tokens a second: plainly, with proposals, and theirs."""
    limits, model = Limits(max_tokens=MAX_TOKENS), setting.team.model
    found = [
        timed(generate(model, prompt, limits=limits, speculation=each), time.perf_counter)[1]
        for each in (None, fresh(setting))
    ]
    return found[0], found[1], their_speed(theirs, prompt, model.vocabulary.end)


def their_speed(theirs: Any, prompt: list[int], end: frozenset[int]) -> float:
    first, n = None, 0
    theirs.reset()
    for token in theirs.generate(prompt, temp=0.0):
        if first is None:
            first = time.perf_counter()
        elif token in end or n >= MAX_TOKENS - 1:
            break
        else:
            n += 1
    assert first is not None, "it always writes a token"
    return n / (time.perf_counter() - first)


def summary(speeds: list[tuple[float, float, float]]) -> dict[str, float]:
    """Medians of ratios."""
    return {
        "ours_vs_plain": statistics.median(ours / plain for plain, ours, _ in speeds),
        "theirs_vs_plain": statistics.median(theirs / plain for plain, _, theirs in speeds),
        "ours_vs_theirs": statistics.median(ours / theirs for _, ours, theirs in speeds),
    }


if __name__ == "__main__":
    main()
