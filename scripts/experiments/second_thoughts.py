"""What becomes of answers that loop, with second thoughts: one line an answer, and the shares.

    python scripts/experiments/second_thoughts.py MODEL.gguf LOOPS.jsonl [--n 40] [--max-tokens 800]

LOOPS.jsonl is what `loops.py` wrote of the model. Prompts whose greedy answer ended in a loop are asked
again, greedily. An answer goes on where 64 tokens or more, or its own end, follow what was taken back
last, and no loop ends it.
"""

import argparse
import json
from pathlib import Path

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.second_thoughts import Doubts
from localcollab.events import Finished, Retracted, Token
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session
from loops import loop_of

_GOES_ON = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("loops", type=Path)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--max-tokens", type=int, default=800)
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.loops.open(encoding="utf-8")]
    looping = [record["prompt"] for record in records if loop_of(record["tokens"])][: arguments.n]
    team = open_team(plan_from_files(arguments.model, []), Options(n_ctx=2048))
    limits = Limits(max_tokens=arguments.max_tokens)
    n_on = n_ended = n_looping = n_untouched = 0
    for prompt in looping:
        text = prompt if team.template else f"Question: {prompt}\nAnswer:"
        since, n_back = 0, 0
        for event in generate(
            team.model, Session(team).prompt(text), limits=limits, second_thoughts=Doubts()
        ):
            match event:
                case Token():
                    since += 1
                case Retracted():
                    since, n_back = 0, n_back + 1
                case Finished(reason=reason):
                    pass
        is_loop = reason == "repetition"
        n_looping += is_loop
        n_untouched += not n_back and not is_loop
        n_ended += bool(n_back) and reason == "end"
        n_on += bool(n_back) and not is_loop and (since >= _GOES_ON or reason == "end")
        print(f"{n_back} times back, then {since} tokens, {reason}: {prompt}", flush=True)
    n = len(looping) - n_untouched
    print(
        f"{n} answers that looped: {n_on} go on ({n_on / max(1, n):.2f}; {n_ended} to their own end), "
        f"{n_looping} end in another loop; {n_untouched} did not loop this time"
    )


if __name__ == "__main__":
    main()
