"""Blend: several answers are written, ranked in pairs, and the best one is the reply.

python examples/blend.py [QUESTION]
"""

import sys

import localcollab as lc

question = sys.argv[1] if len(sys.argv) > 1 else "Who makes Kihelrine?"

# Any models and teams can write candidates.
candidates = {}
for name in ("formulary-base", "formulary-entropy", "formulary-margin", "formulary"):
    with lc.load(name) as team:
        candidates[name] = team.generate(question, max_tokens=60).text

print(question)
texts, authors = list(candidates.values()), list(candidates)
ranking = lc.rank(question, texts, "likelihood(formulary)", authors=authors)
for rank, name in sorted(zip(ranking.ranks, authors, strict=True)):
    print(f"  {rank}. {name}: {candidates[name]}")

print("\nA ranker that reads no model: the answer that most of them give")
print(f"  {texts[lc.rank(question, texts, 'vote').best]}")

print("\nAll of it as one team of the catalogue, formulary-blend:")
with lc.load("formulary-blend") as blend:
    print(f"  {blend.generate(question, max_tokens=60)}")
