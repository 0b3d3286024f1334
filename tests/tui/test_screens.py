"""Pictures of the main screens. After a change that is meant: pytest tests/tui --snapshot-update."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from chat_app import make_app, until
from localcollab.events import Finished, Token, Unfamiliar
from localcollab.history import History, Provenance, open_history
from localcollab_tui.app import ChatApp

pytestmark = pytest.mark.slow

Compare = Callable[..., bool]
_WORDS = [
    ("The", "base", False), (" dose", "base", False), (" of", "base", False),
    (" Zor", "expert", False), ("bex", "expert", False), (" is", "expert", False),
    (" 40", "expert", True), (" mg", "expert", False), (".", "base", False),
]  # fmt: skip


def stored() -> History:
    """One conversation with fixed figures."""
    history = open_history(None)
    conversation = history.create(team="fake")
    question = history.add_question(conversation.id, "What is the dose of Zorbex?")
    provenance = Provenance(team="fake", members={"base": "", "expert": ""})
    answer = history.begin_answer(question.id, provenance)
    tokens = [
        Token(n, text, author, 0.3 if unsure else 0.9, 0.8 if author == "expert" else 0.1, unsure)
        for n, (text, author, unsure) in enumerate(_WORDS)
    ]
    history.append_tokens(answer, tokens)
    text = "".join(token.text for token in tokens)
    finished = Finished(
        "end", text, tuple(token.id for token in tokens), 21, {"base": 4, "expert": 5}, 0.1, 0.1
    )
    history.finish_answer(answer, finished, (Unfamiliar("expert", "Zorbex"),))
    return history


def opened() -> ChatApp:
    history = stored()
    return make_app(history=history, conversation=history.conversations()[0].id)


async def ready(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, ChatApp)
    app.chat.composer.cursor_blink = False
    await until(pilot, lambda: app.dialogue.facts is not None and len(app.dialogue.branch) == 2)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=["80x24", "120x30"])
@pytest.mark.parametrize("keys", [[], ["f2"], ["f1"]], ids=["chat", "provenance", "help"])
def test_screen(snap_compare: Compare, size: tuple[int, int], keys: list[str]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await ready(pilot)
        await pilot.press(*keys)
        if keys == ["f2"]:
            await pilot.press("n")
            # The conversation was written by another team, so nobody is asked: no waiting.
            await until(pilot, lambda: "another team" in _text(pilot))

    assert snap_compare(opened(), run_before=before, terminal_size=size)


def _text(pilot: Pilot[None]) -> str:
    from chat_app import screen_text

    assert isinstance(pilot.app, ChatApp)
    return screen_text(pilot.app)


def test_threshold_screen(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await ready(pilot)
        assert isinstance(pilot.app, ChatApp)
        pilot.app.chat.composer.put("/threshold ")
        await pilot.press("enter", "left", "down")
        await until(pilot, lambda: "threshold 0.39" in _text(pilot))

    assert snap_compare(opened(), run_before=before, terminal_size=(80, 24))
