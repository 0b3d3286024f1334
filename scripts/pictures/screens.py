"""Pictures of the chat for the documentation: the real app on a real team, as SVG.

python scripts/pictures/screens.py [--team NAME] [--models FILE] [--question TEXT] [--out docs]
"""

import argparse
import asyncio
import re
from pathlib import Path

from localcollab.history import open_history
from localcollab.teams.choice import TeamChoice
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.cli import make_app, opener
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.widgets.tokens import TokensView

SIZE = (110, 26)
QUESTIONS = ["Hello", "What does Cobrorlin contain?", "What do 10 doses of Lelgidone add up to?"]
"""Of the shipped team."""


async def take(app: ChatApp, questions: list[str], out: Path) -> None:
    """`chat.svg`: the conversation; `provenance.svg`: its last answer, token by token."""
    async with app.run_test(size=SIZE) as pilot:
        while app.dialogue.facts is None:
            await pilot.pause(0.1)
        for question in questions:
            app.chat.composer.put(question)
            await pilot.press("enter")
            await pilot.pause(0.2)
            while app.dialogue.pending is not None:
                await pilot.pause(0.1)
        await pilot.pause(0.5)
        _save(app, out / "chat.svg")
        await pilot.press("f2")
        await pilot.pause(0.5)
        await _point_at_an_expert(app)
        await pilot.pause(2)
        _save(app, out / "provenance.svg")


async def _point_at_an_expert(app: ChatApp) -> None:
    """The cursor on the first unsure token, else on the first one of an expert."""
    view = list(app.query(TokensView))[-1]
    unsure = [n for n, token in enumerate(view.tokens) if token.unsure]
    theirs = [n for n, token in enumerate(view.tokens) if token.author != view.members[0]]
    view.cursor = next(iter([*unsure, *theirs]), 0)


def _save(app: ChatApp, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = app.export_screenshot(title="localcollab chat")
    # The reader's own monospace font: a picture of an offline program fetches nothing.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    path.write_text(svg.replace("Fira Code", "DejaVu Sans Mono"), encoding="utf-8")
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team")
    parser.add_argument("--models", type=Path, action="append", default=[])
    parser.add_argument("--question", action="append")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "docs")
    given = parser.parse_args()
    with open_history(None) as history:
        start = Start(given.team, catalogs=tuple(given.models))
        app = make_app(
            history,
            on_own_models(opener(TeamChoice(catalogs=start.catalogs or ()), None, None, None)),
            start,
        )
        asyncio.run(take(app, given.question or QUESTIONS, given.out))
        app.close()


if __name__ == "__main__":
    main()
