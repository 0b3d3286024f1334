"""A team: who wrote which word, what it takes in memory, and two conversations side by side.

python examples/team.py [BASE.gguf EXPERT.gguf ...]     without files: the team that ships
"""

import sys

import localcollab as lc

QUESTION = "What do 7 doses of Kihelrine add up to?"

base, experts = sys.argv[1] if len(sys.argv) > 1 else None, sys.argv[2:]

with lc.load(base, experts=experts) as team:
    print(f"{team.name}: {', '.join(team.members)}\n\n{QUESTION}")
    author = ""
    for token in team.stream(QUESTION, max_tokens=100):
        if token.author != author:
            author = token.author
            print(f"\n  [{author}]", end="")
        print(token.text, end="", flush=True)
    print()

    one, other = team.chat(), team.chat()
    print("\nTwo conversations in turn, each on contexts of its own:")
    for question in (QUESTION, "Who makes it?"):
        print("  one:  ", one.ask(question, max_tokens=100))
        print("  other:", other.ask(question.replace("7 doses", "3 doses"), max_tokens=100))
    memory = team.memory
    print(
        f"\nweights {memory.weights / 2**20:.0f} MiB, {memory.n_conversations} conversations of "
        f"{memory.conversation / 2**20:.0f} MiB"
    )
