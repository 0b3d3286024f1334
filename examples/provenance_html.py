"""Provenance to HTML: an answer as a page in which every word shows its author and how sure it was.

python examples/provenance_html.py [OUT.html] [QUESTION]
"""

import html
import sys
from pathlib import Path

import localcollab as lc

COLOURS = ["#ffffff", "#cde8f4", "#f6e3b4", "#e3d4f2", "#d3ecd0"]
PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 18px/1.7 sans-serif; max-width: 40em; margin: 2em auto }}
span {{ white-space: pre-wrap }} .unsure {{ text-decoration: underline wavy #c33 }}</style>
<h1>{title}</h1><p>{answer}</p><p>{legend}</p>
"""


def show(token: lc.Token, members: tuple[str, ...]) -> str:
    # The author of a nested team is a path, as in expert/anti.
    number = members.index(token.author.split("/")[0])
    defer = "" if token.p_defer is None else f", p_defer {token.p_defer:.2f}"
    title = html.escape(f"{token.author}: probability {token.probability:.2f}{defer}")
    kind = ' class="unsure"' if token.unsure else ""
    style = f"background: {COLOURS[number % len(COLOURS)]}"
    return f'<span{kind} style="{style}" title="{title}">{html.escape(token.text)}</span>'


out = Path(sys.argv[1] if len(sys.argv) > 1 else "answer.html")
question = sys.argv[2] if len(sys.argv) > 2 else "What do 7 doses of Kihelrine add up to?"

with lc.load() as team:
    answer = team.generate(question, max_tokens=100)
    shares = [f"{name} {answer.authors.get(name, 0)} tokens" for name in team.members]
    page = PAGE.format(
        title=html.escape(question),
        answer="".join(show(token, team.members) for token in answer.tokens),
        legend=html.escape("; ".join(shares)),
    )

out.write_text(page, encoding="utf-8")
print(f"{question}\n  {answer}\n  {'; '.join(shares)}\nwritten to {out}")
