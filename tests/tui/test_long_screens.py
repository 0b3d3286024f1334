"""Messages far from what is shown cost no layout, and are there when the reader comes to them."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from chat_app import drive, history_file, make_app, screen_text, until
from localcollab.events import Finished
from localcollab.history import Provenance
from localcollab_tui.app import ChatApp
from localcollab_tui.widgets.log import PAGE
from localcollab_tui.widgets.messages import MessageBox


@pytest.mark.slow
def test_what_is_far_away_is_laid_out_when_the_reader_gets_there(tmp_path: Path) -> None:
    seen: set[str] = set()

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        log = app.chat.log_view
        await until(pilot, lambda: len(list(log.query(MessageBox))) == PAGE)
        await until(pilot, lambda: any(view.is_away for view in log.query(MessageBox)))
        seen.update(screen_text(app).split())
        for _ in range(30):
            await pilot.press("pageup")
            await pilot.pause()
            seen.update(screen_text(app).split())
        await pilot.press("f2")
        await pilot.pause()
        assert not any(view.is_away for view in log.query(MessageBox))

    with history_file(tmp_path) as history:
        conversation = history.create()
        for n in range(PAGE // 2):
            question = history.add_question(conversation.id, f"question-{n}")
            answer = history.begin_answer(question.id, Provenance(members={"base": ""}))
            lines = "\n".join(f"- line-{n}-{line}" for line in range(8))
            history.finish_answer(answer, Finished("end", lines, (), 1))
        drive(make_app(history=history, conversation=conversation.id), steps)
    wanted = {f"line-{n}-{line}" for n in range(PAGE // 2) for line in range(8)}
    assert wanted | {f"question-{n}" for n in range(PAGE // 2)} <= seen
