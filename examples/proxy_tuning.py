"""Proxy-tuning (arXiv:2401.08565): base + alpha (expert - antiexpert), untrained, for several alphas.

python examples/proxy_tuning.py [BASE.gguf EXPERT.gguf ANTIEXPERT.gguf]
"""

import sys
from collections.abc import Mapping

import localcollab as lc

QUESTION = "How much is one dose of Kihelrine?"

base, expert, antiexpert = sys.argv[1:4] or ("formulary-base", "formulary", "arithmetic")


def tuned(alpha: float) -> lc.Team:
    def method(members: Mapping[str, lc.LanguageModel]) -> lc.LanguageModel:
        return lc.proxy_tuned("tuned", *members.values(), alpha=alpha)

    return lc.load(base, experts=[expert, antiexpert], method=method, n_ctx=512)


print(QUESTION)
for alpha in (0.0, 0.25, 0.5, 1.0):
    with tuned(alpha) as team:
        answer = team.generate(QUESTION, max_tokens=40)
        print(f"  alpha {alpha:4}: {answer}")
        print(f"              {', '.join(f'{who} {n}' for who, n in answer.authors.items())}")
